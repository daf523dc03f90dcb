import { type Finding, ok, warning } from './finding.ts'

/** Whether this Node is of a line that is maintained. `bin/twq.js` refuses one that is too old. `versions` by package. */
export function judgeSoftware(node: string, versions: ReadonlyMap<string, string>): Finding {
  const check = 'software'
  const packages = [...versions].map(([name, version]) => `${name} ${version}`).join(', ')
  const what = `Node ${node}; ${packages}`
  const [major = 0] = node.replace(/^v/, '').split('.').map(Number)
  if (major % 2 === 1) {
    return warning(check, what, 'Odd versions of Node are maintained for months only.', 'Use one with an even number')
  }
  return ok(check, what)
}
