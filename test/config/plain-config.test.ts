import { describe, expect, it } from 'vitest'
import { readPlainConfig } from '../../src/config/plain-config.ts'

const read = (text: string) => readPlainConfig('/app/worker.config.ts', text)

describe('a configuration that is plain JavaScript', () => {
  it.each<[string, string, unknown]>([
    [
      'as twq init writes it',
      `import { defineConfig } from 'twq'\n\nexport default defineConfig({ tasks: ['./tasks/*.ts'] })\n`,
      { tasks: ['./tasks/*.ts'] },
    ],
    ['with double quotes', `import { defineConfig } from "twq";\nexport default defineConfig({});\n`, {}],
    ['without an import', `export default { broker: 'amqp://a' }\n`, { broker: 'amqp://a' }],
    [
      'with more statements',
      `import { defineConfig } from 'twq'\nconst many = 4 > 3\nexport default defineConfig({ many, and: and() })\nfunction and() {\n  return 1\n}\n`,
      { many: true, and: 1 },
    ],
  ])('is read without a loader %s', (_, text, content) => {
    expect(read(text)).toEqual({ content })
  })

  it('may be a function', () => {
    const plain = read(
      `import { defineConfig } from 'twq'\nexport default defineConfig(({ mode }) => ({ broker: mode }))\n`,
    )
    const decide = plain?.content as (environment: object) => unknown
    expect(decide({ mode: 'amqp://b' })).toEqual({ broker: 'amqp://b' })
  })

  it('is as strict as a module', () => {
    expect(() => read('undeclared = 1\nexport default {}\n')).toThrow(ReferenceError)
    expect(read('export default { self: this }\n')).toEqual({ content: { self: undefined } })
  })

  it('says where it fails', () => {
    let stack = ''
    try {
      read('const a = 1\nexport default { b: a.b.c }\n')
    } catch (error) {
      stack = (error as Error).stack ?? ''
    }
    expect(stack).toContain('/app/worker.config.ts:2:')
  })
})

describe('a configuration that is more than that', () => {
  it.each<[string, string]>([
    ['types', `const n: number = 1\nexport default { n }\n`],
    ['satisfies', `export default { n: 1 } satisfies object\n`],
    ['a call that is a comparison in JavaScript', `const f = (x) => x\nexport default { n: f<Date>(1) }\n`],
    ['another module', `import { x } from './x.ts'\nexport default { x }\n`],
    ['more of twq', `import { defineConfig, defineTask } from 'twq'\nexport default defineConfig({})\n`],
    ['an import that waits', `export default { x: import('./x.ts') }\n`],
    ['require', `export default { x: require('./x.cjs') }\n`],
    ['top-level await', `const x = await 1\nexport default { x }\n`],
    ['a second export', `export const a = 1\nexport default {}\n`],
    ['an export that is a text', 'const a = `\nexport default {\n`\nexport default {}\n'],
    ['a function as export', `export default function config() {}\n`],
    ['no export', `const a = 1\n`],
    ['a mistake', `export default {\n`],
    ['nothing', ''],
  ])('is left to the loader: %s', (_, text) => {
    expect(read(text)).toBeUndefined()
  })
})
