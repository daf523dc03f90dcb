import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { aptInstall } from './apt.ts'
import { findExecutable } from './command.ts'

// Python 3.13 and later insist on it.
const USAGE = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']

/** Files in PEM form, in a folder of their own: a server's certificate, who vouches for it, and somebody who does not. */
export class Certificates implements AsyncDisposable {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  /** Makes them, for `localhost` and 127.0.0.1. */
  static async make(): Promise<Certificates> {
    if (!(await findExecutable('openssl'))) await aptInstall(['openssl'], 'OpenSSL')
    const made = new Certificates(await mkdtemp(join(tmpdir(), 'twq-certificates-')))
    await Promise.all([made.#authority('ca'), made.#authority('stranger')])
    await made.#server()
    return made
  }

  get ca(): string {
    return this.#file('ca.pem')
  }

  /** An authority that has nothing to do with the server. */
  get stranger(): string {
    return this.#file('stranger.pem')
  }

  get certificate(): string {
    return this.#file('server.pem')
  }

  get key(): string {
    return this.#file('server.key')
  }

  async #authority(name: string): Promise<void> {
    const files = ['-keyout', this.#file(`${name}.key`), '-out', this.#file(`${name}.pem`)]
    await openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      ...USAGE,
      ...files,
    )
  }

  async #server(): Promise<void> {
    const [request, names] = [this.#file('server.csr'), this.#file('names')]
    const extensions = ['subjectAltName=DNS:localhost,IP:127.0.0.1', 'basicConstraints=CA:FALSE']
    extensions.push('subjectKeyIdentifier=hash', 'authorityKeyIdentifier=keyid')
    await writeFile(names, `${extensions.join('\n')}\n`)
    await openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=localhost',
      '-keyout',
      this.key,
      '-out',
      request,
    )
    const by = ['-CA', this.ca, '-CAkey', this.#file('ca.key'), '-CAcreateserial', '-days', '2']
    await openssl('x509', '-req', '-in', request, ...by, '-extfile', names, '-out', this.certificate)
  }

  #file(name: string): string {
    return join(this.#folder, name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }
}

async function openssl(...args: readonly string[]): Promise<void> {
  await promisify(execFile)('openssl', args)
}
