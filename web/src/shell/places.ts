import Flame from "@lucide/svelte/icons/flame";
import Play from "@lucide/svelte/icons/play";
import Upload from "@lucide/svelte/icons/upload";
import UsersRound from "@lucide/svelte/icons/users-round";
import Clapperboard from "@lucide/svelte/icons/clapperboard";

/** Where one can go from everywhere. */
export const PLACES = [
  { href: "/", name: "For you", Icon: Play },
  { href: "/following", name: "Following", Icon: UsersRound },
  { href: "/trending", name: "Trending", Icon: Flame },
  { href: "/upload", name: "Upload", Icon: Upload },
  { href: "/studio", name: "Studio", Icon: Clapperboard },
];
