import { type DebianRelease, debianPrograms } from '../support/provision/debian-folder.ts'

/** The newer RabbitMQ that the tests take place on, and the Debian that has them. */
export const BROKERS: Readonly<Record<string, DebianRelease>> = { '4.0': 'trixie', '4.3': 'forky' }

/** The folder of the programs of a newer RabbitMQ, for `TWQ_TEST_RABBITMQ`; `flag` is what asked for it. */
export function programsOf(version: string, flag: string): Promise<string> {
  const release = BROKERS[version]
  if (release === undefined) throw new Error(`${flag} ${version}: there are ${Object.keys(BROKERS).join(', ')}`)
  return debianPrograms(release)
}
