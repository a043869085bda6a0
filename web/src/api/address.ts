const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * The server writes absolute addresses from its public URL. On one machine that may be another name of the same
 * loopback host than the one in the address bar, which the content security policy would refuse.
 */
export function reachable(url: string, page: string): string {
  const target = new URL(url, page);
  const here = new URL(page);
  const sameMachine = LOOPBACK.has(target.hostname) && LOOPBACK.has(here.hostname) && target.port === here.port;
  return sameMachine ? here.origin + target.pathname + target.search : target.href;
}
