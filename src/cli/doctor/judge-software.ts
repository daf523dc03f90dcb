import { error, type Finding, ok, warning } from './finding.ts'

/** Whether twq is made for this Node: 20.19 and newer, of the lines that are maintained. `versions` by package. */
export function judgeSoftware(node: string, versions: ReadonlyMap<string, string>): Finding {
  const check = 'software'
  const packages = [...versions].map(([name, version]) => `${name} ${version}`).join(', ')
  const what = `Node ${node}; ${packages}`
  const [major = 0, minor = 0] = node.replace(/^v/, '').split('.').map(Number)
  if (major < 20 || (major === 20 && minor < 19)) {
    return error(check, what, 'twq needs Node 20.19 or newer.', 'Install a newer Node: https://nodejs.org')
  }
  if (major % 2 === 1) {
    return warning(check, what, 'Odd versions of Node are maintained for months only.', 'Use one with an even number')
  }
  return ok(check, what)
}
