import type { MessagePort } from 'node:worker_threads'

// Runs in the thread of Node's module hooks: see imported-files.ts.

let port: MessagePort | undefined

/** Called once by Node, with the port to report to. */
export function initialize(given: { readonly port: MessagePort }): void {
  port = given.port
}

/** Reports what a specifier resolves to, before it is loaded: a module that fails to load is reported as well. */
export async function resolve(
  specifier: string,
  context: unknown,
  next: (specifier: string, context: unknown) => Promise<{ readonly url: string }>,
): Promise<{ readonly url: string }> {
  const resolved = await next(specifier, context)
  if (resolved.url.startsWith('file:')) port?.postMessage(resolved.url)
  return resolved
}
