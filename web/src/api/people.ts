import { request } from "./request";
import type { Account, CreatorProfile } from "./wire";

const path = (handle: string): string => `/v1/creators/${encodeURIComponent(handle)}`;

export const getCreator = (handle: string) => request<CreatorProfile>("GET", path(handle));

export const setFollow = (handle: string, following: boolean) => request<void>(following ? "PUT" : "DELETE", `${path(handle)}/follow`);

export const getMe = () => request<Account>("GET", "/v1/me");

export interface NewAccount {
  handle: string;
  password: string;
  name?: string;
  language?: string;
}

export const createAccount = (account: NewAccount) => request<unknown>("POST", "/v1/accounts", { body: account });

/** Opens a session held by a cookie the page itself cannot read. */
export const openSession = (handle: string, password: string) =>
  request<{ account: Account }>("POST", "/v1/sessions", { body: { handle, password, cookie: true } });

export const closeSession = () => request<void>("DELETE", "/v1/sessions/current");
