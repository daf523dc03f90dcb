import { compileFunction } from 'node:vm'
import { defineConfig } from './define-config.ts'

// A configuration as `twq init` writes it is JavaScript that imports `defineConfig` alone, with any extension.
// To read it so takes a millisecond; tsx, a thread of its own and the whole of twq for the sake of one import take half a
// second of processor time, which every command would spend.

const IMPORT = /^import \{ defineConfig \} from (?:'twq'|"twq");?$/gm
const EXPORT = /^export default (?=defineConfig\(|\{)/gm

/**
 * Text that leaves a module to a loader: words that mean something else in a module than in a function, or that reach
 * for other modules; and `<`, since all TypeScript that is JavaScript of another meaning has one: `f<T>(x)`.
 */
const NOT_PLAIN = /\b(?:import|export|require|module|exports|arguments|await|__dirname|__filename)\b|</

/** The default export of the module; undefined when its text needs a loader. */
export function readPlainConfig(path: string, text: string): { readonly content: unknown } | undefined {
  if (text.match(EXPORT)?.length !== 1) return undefined
  const script = text.replace(IMPORT, '').replace(EXPORT, '$twq.content = ')
  if (NOT_PLAIN.test(script)) return undefined
  let run: (twq: { content?: unknown }, define: typeof defineConfig) => void
  try {
    run = compileFunction(`'use strict';${script}`, ['$twq', 'defineConfig'], {
      filename: path,
      columnOffset: -"'use strict';".length,
    }) as typeof run
  } catch {
    // TypeScript or a syntax error: the loader reports which.
    return undefined
  }
  const exported: { content?: unknown } = {}
  run(exported, defineConfig)
  return 'content' in exported ? { content: exported.content } : undefined
}
