import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { Program } from '../program.ts'
import { aptInstall } from './apt.ts'
import { findExecutable } from './command.ts'

/** A browser that asks nobody for anything, and has no profile but its own. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--remote-debugging-port=0',
]

/** A Chromium with a new profile; it ends with this process. */
export class Chromium implements AsyncDisposable {
  /** What drives it. */
  readonly browser: Browser
  readonly #program: Program
  readonly #folder: string

  private constructor(browser: Browser, program: Program, folder: string) {
    this.browser = browser
    this.#program = program
    this.#folder = folder
  }

  /** Starts the one of this machine, installed with apt where there is none. Rejects with why it can't be had. */
  static async start(): Promise<Chromium> {
    const command = await chromiumCommand()
    const folder = await mkdtemp(join(tmpdir(), 'twq-chromium-'))
    const program = new Program(command, [...FLAGS, `--user-data-dir=${folder}`, 'about:blank'], {
      env: { HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
      removes: folder,
    })
    try {
      const line = await program.until('DevTools listening on ')
      const browser = await chromium.connectOverCDP(line.slice(line.indexOf('ws://')))
      return new Chromium(browser, program, folder)
    } catch (error) {
      await program[Symbol.asyncDispose]()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close()
    await this.#program[Symbol.asyncDispose]()
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function chromiumCommand(): Promise<string> {
  const found = await findExecutable('chromium')
  if (found) return found
  await aptInstall(['chromium'], 'Chromium')
  const installed = await findExecutable('chromium')
  if (!installed) throw new Error('chromium was installed but is not on the PATH')
  return installed
}
