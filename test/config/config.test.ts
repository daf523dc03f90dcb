import { beforeAll, describe, expect, it } from 'vitest'
import { optionKeys } from '../../src/config/options.ts'
import { type QuickInfo, quickInfoOf } from '../support/quick-info.ts'

const RESULT_EXPIRES = "How long Redis keeps results; 0 keeps them forever. Celery's `result_expires`."

// The declarations that users have; the build of the tests writes them.
const DECLARATIONS = `
import { type Config, defineConfig, type UserConfig } from '../dist/index.js'
declare const written: UserConfig
declare const resolved: Config
export const inAFile = defineConfig({ resultExpires^: '1h' })
`

describe('in an editor', () => {
  let inAFile: QuickInfo
  const written = new Map<string, QuickInfo>()
  const resolved = new Map<string, QuickInfo>()

  beforeAll(() => {
    const lines = optionKeys.flatMap((key) => [`written.${key.replace('.', '!.')}^`, `resolved.${key}^`])
    const [first, ...others] = quickInfoOf(`${DECLARATIONS}\n${lines.join('\n')}`) as [QuickInfo, ...QuickInfo[]]
    inAFile = first
    for (const [index, key] of optionKeys.entries()) {
      written.set(key, others[2 * index] as QuickInfo)
      resolved.set(key, others[2 * index + 1] as QuickInfo)
    }
  }, 60_000)

  it('an option shows its doc comment and what may be written', () => {
    expect(inAFile).toEqual({
      declaration: '(property) resultExpires?: string | number',
      documentation: RESULT_EXPIRES,
    })
    expect(written.get('resultExpires')?.documentation).toBe(RESULT_EXPIRES)
  })

  it('a value of the configuration in force shows the same comment and what it resolves to', () => {
    expect(resolved.get('resultExpires')).toEqual({
      declaration: '(property) resultExpires: number',
      documentation: RESULT_EXPIRES,
    })
    expect(resolved.get('concurrency')?.declaration).toBe('(property) Config.concurrency: number')
    expect(resolved.get('acks')?.declaration).toBe('(property) acks: "late" | "early"')
    expect(resolved.get('shutdown.grace')?.declaration).toBe('(property) grace: number')
  })

  it('every option has a doc comment', () => {
    const bare = [...written, ...resolved].filter(([, { documentation }]) => documentation === '')
    expect(bare.map(([key]) => key)).toEqual([])
  })
})
