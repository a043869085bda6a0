/** What a handle may look like: 3–30 of `a–z 0–9 _ .`. The server decides; this only saves a round trip. */
export function handleProblem(handle: string): string | undefined {
  if (handle.length < 3) return "A handle has at least 3 characters.";
  if (handle.length > 30) return "A handle has at most 30 characters.";
  const wrong = /[^a-z0-9_.]/u.exec(handle);
  return wrong ? `“${wrong[0]}” cannot stand in a handle: only a–z, 0–9, _ and . can.` : undefined;
}

export const PASSWORD_LEAST = 10;
export const PASSWORD_MOST = 256;

export function passwordProblem(password: string): string | undefined {
  if (password.length < PASSWORD_LEAST) return `A password has at least ${PASSWORD_LEAST} characters; this one has ${password.length}.`;
  if (password.length > PASSWORD_MOST) return `A password has at most ${PASSWORD_MOST} characters.`;
  return undefined;
}
