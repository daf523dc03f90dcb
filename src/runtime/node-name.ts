/** A node name with `%h` (the host name), `%n` (its first label), `%d` (the rest) and `%%` filled in, as Celery does. */
export function expandNodeName(pattern: string, hostname: string): string {
  const dot = hostname.indexOf('.')
  const values: Readonly<Record<string, string>> = {
    h: hostname,
    n: dot < 0 ? hostname : hostname.slice(0, dot),
    d: dot < 0 ? '' : hostname.slice(dot + 1),
    '%': '%',
  }
  return pattern.replace(/%([hnd%])/g, (_, letter: string) => values[letter] as string)
}
