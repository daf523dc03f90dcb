import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { TwqError } from '../../errors.ts'

/** A package of twq that lies in a file. */
export interface LocalPackage {
  /** Its name in the project's folder. */
  readonly file: string
  /** What has to be written there; undefined if it is there already. */
  readonly content: Uint8Array | undefined
}

const PACKED = /^(?:file:(?:\/\/(?=\/))?|(?=[./]))(.+\.(?:tgz|tar\.gz))$/

/**
 * The packed package that `--twq file:…` names, for a copy in the project: what is outside of its folder, an image can't
 * contain. A relative path starts in the project's folder, as in its package.json, or in the current one. Undefined if the
 * text names something else; rejects with `TWQ_USAGE` if there is no such file.
 */
export async function localPackage(spec: string, folder: string): Promise<LocalPackage | undefined> {
  const path = PACKED.exec(spec)?.[1]
  if (path === undefined) return undefined
  const file = basename(path)
  const found = [resolve(folder, path), resolve(path)].find((candidate) => existsSync(candidate))
  if (found === undefined) {
    throw new TwqError('TWQ_USAGE', `--twq: there is no ${resolve(folder, path)}`, {
      hint: 'npm pack writes a package',
    })
  }
  if (found === join(folder, file)) return { file, content: undefined }
  const content = await readFile(found).catch((cause: NodeJS.ErrnoException) => {
    throw new TwqError('TWQ_USAGE', `--twq: ${found} can't be read: ${cause.message}`, { cause })
  })
  return { file, content }
}
