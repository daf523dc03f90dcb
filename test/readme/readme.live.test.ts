import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pythonWithDjango } from '../support/provision/django.ts'
import { brokerUrl } from '../support/services.ts'
import { type Block, blocksOf, printsAs } from './blocks.ts'
import { Story } from './story.ts'

const PROJECT = join(import.meta.dirname, '../..')
const DOCUMENTS = [
  'README.md',
  'CONTRIBUTING.md',
  'docs/operations.md',
  'examples/flask/README.md',
  'examples/fastify/README.md',
  'examples/nestjs/README.md',
  'examples/django/README.md',
  'docs/embedding.md',
  'docs/monitor.md',
  'docs/remote-control.md',
  'docs/why.md',
  'docs/workflows.md',
  'docs/plugins.md',
  'docs/tracing.md',
  'docs/recipes.md',
  'docs/schedules.md',
  'docs/from-celery.md',
]

// Not for running: output belongs to the block before it, a block of no language is a drawing, and YAML, units of systemd and the
// settings of Jest (js) are for others.
const SHOWN = ['text', 'yaml', 'ini', 'js', '']

let story: Story

beforeAll(async () => {
  story = await Story.begin({ project: PROJECT, broker: brokerUrl(), python: await pythonWithDjango() })
})

afterAll(async () => {
  await story?.[Symbol.asyncDispose]()
})

describe.each(DOCUMENTS)('%s is true', (document) => {
  const blocks = blocksOf(join(PROJECT, document))

  for (const [index, block] of blocks.entries()) {
    if (SHOWN.includes(block.language)) continue
    const next = blocks[index + 1]
    const shown = next?.language === 'text' ? next.text : undefined
    it(`${titleOf(block)} (line ${block.line})`, { timeout: 240_000 }, async () => {
      const printed = await story.tell(block)
      if (shown !== undefined && !printsAs(shown, printed)) expect(printed.trim()).toBe(shown)
    })
  }
})

it('shows TypeScript that compiles', { timeout: 240_000 }, async () => {
  expect(story.written).not.toEqual([])
  await story.tell({ language: 'sh', line: 0, text: compile(story.written) })
})

function titleOf({ language, text }: Block): string {
  const [first = ''] = text.split('\n')
  return language === 'python' ? 'its Python' : first
}

/** Files of the project, and those beside it, which have a copy of the package of their own: two programs, as they are for the reader. */
function compile(files: readonly string[]): string {
  const beside = files.filter((file) => file.startsWith('../'))
  const inside = files.filter((file) => !file.startsWith('../'))
  return [inside, beside]
    .filter((group) => group.length > 0)
    .flatMap((group) => {
      const project = JSON.stringify({ extends: './tsconfig.json', include: group })
      return [`echo '${project}' > tsconfig.readme.json`, 'npx tsc -p tsconfig.readme.json']
    })
    .join('\n')
}
