import { ApiError } from "./api/request";
import { closeSession, createAccount, getMe, openSession, type NewAccount } from "./api/people";
import type { Account } from "./api/wire";
import { readSetting, writeSetting } from "./storage";
import { forgetFeeds } from "./watch/feed.svelte";

/** The session cookie is out of the page's reach; this note says whether asking for the account is worth it. */
const HINT = "signed-in";

class Session {
  account = $state.raw<Account | null>(null);
  /** Whether the question "who is this?" has been answered. */
  known = $state(false);
  private asking: Promise<void> | null = null;

  constructor() {
    if (readSetting(HINT) === null) this.known = true;
    else void this.restore();
  }

  /** Asks the server who is here, also without the hint: for pages that need an account. */
  restore(): Promise<void> {
    this.asking ??= this.ask().finally(() => (this.asking = null));
    return this.asking;
  }

  async signUp(account: NewAccount): Promise<void> {
    await createAccount(account);
    await this.signIn(account.handle, account.password);
  }

  async signIn(handle: string, password: string): Promise<void> {
    const { account } = await openSession(handle, password);
    this.become(account);
  }

  async signOut(): Promise<void> {
    await closeSession().catch((cause: unknown) => {
      // No session any more is what was wanted.
      if (!(cause instanceof ApiError && cause.status === 401)) throw cause;
    });
    this.become(null);
  }

  /** Waits for an answer that is already on its way; asks nothing new. */
  async whenKnown(): Promise<void> {
    if (!this.known) await this.restore();
  }

  private async ask(): Promise<void> {
    try {
      this.account = await getMe();
      writeSetting(HINT, "yes");
    } catch (cause) {
      if (cause instanceof ApiError && cause.status === 401) writeSetting(HINT, null);
      this.account = null;
    } finally {
      this.known = true;
    }
  }

  private become(account: Account | null): void {
    this.account = account;
    this.known = true;
    writeSetting(HINT, account ? "yes" : null);
    forgetFeeds();
  }
}

export const session = new Session();
