/** The versions that the tests take place with, as docs/compatibility.md has them: a test compares the two. */
export const TESTED = {
  RabbitMQ: ['3.10.8', '4.0.5', '4.3'],
  Celery: ['5.2.6', '5.5.2', '5.6.3'],
  Node: ['20', '22', '24'],
  Redis: ['7', '8'],
} as const

export type Tested = keyof typeof TESTED

/** True when `version` is one of those tested, or a patch release of one. */
export function isTested(what: Tested, version: string): boolean {
  return TESTED[what].some((tested) => version === tested || version.startsWith(`${tested}.`))
}
