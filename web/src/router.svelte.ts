/** The pages of this app. The server answers each of these paths with the same document. */
export type Route =
  | { page: "watch"; feed: "for-you" | "following" | "trending" }
  | { page: "clip"; id: string }
  | { page: "creator"; handle: string }
  | { page: "login" | "signup" | "upload" | "studio" | "missing" };

const FIXED: Record<string, Route> = {
  "/": { page: "watch", feed: "for-you" },
  "/following": { page: "watch", feed: "following" },
  "/trending": { page: "watch", feed: "trending" },
  "/login": { page: "login" },
  "/signup": { page: "signup" },
  "/upload": { page: "upload" },
  "/studio": { page: "studio" },
};

export function parseRoute(path: string): Route {
  const trimmed = path.length > 1 ? path.replace(/\/+$/, "") : path;
  const fixed = FIXED[trimmed];
  if (fixed) return fixed;
  const clip = /^\/c\/([^/]+)$/.exec(trimmed);
  if (clip) return { page: "clip", id: decode(clip[1]!) };
  const creator = /^\/@([^/]+)$/.exec(trimmed);
  if (creator) return { page: "creator", handle: decode(creator[1]!) };
  return { page: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Half an escape is nobody's name; the server will say so.
    return part;
  }
}

class Router {
  path = $state(location.pathname);
  route = $derived(parseRoute(this.path));

  constructor() {
    addEventListener("popstate", () => (this.path = location.pathname));
    document.addEventListener("click", (event) => this.onClick(event));
  }

  go(path: string, replace = false): void {
    if (replace) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    this.path = location.pathname;
    scrollTo(0, 0);
  }

  /** Links within the app change the page without loading the document again. */
  private onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (parseRoute(link.pathname).page === "missing") return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();

/** Where to return after signing in; only paths of this app. */
export function returnPath(): string {
  const wanted = new URLSearchParams(location.search).get("next") ?? "/";
  // Browsers read a backslash as a slash and drop tabs: what counts is where the address leads.
  const address = URL.canParse(wanted, location.origin) ? new URL(wanted, location.origin) : null;
  if (address?.origin !== location.origin || parseRoute(address.pathname).page === "missing") return "/";
  return address.pathname + address.search;
}

export function signInPath(): string {
  const here = location.pathname;
  return here === "/login" || here === "/signup" ? "/login" : `/login?next=${encodeURIComponent(here)}`;
}
