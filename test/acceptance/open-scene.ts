import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { python } from '../support/provision/python.ts'
import { brokerUrl } from '../support/services.ts'
import type { Scene } from './scene.ts'

/** A scene for a test: its file's broker unless another is given, and a folder that goes with it. */
export async function openScene(url: string = brokerUrl()): Promise<Scene & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'twq-scene-'))
  return {
    url,
    folder,
    python: await python(),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
