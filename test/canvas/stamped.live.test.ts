import { expect, it } from 'vitest'
import { group } from '../../src/canvas/group.ts'
import { standInOf } from '../../src/canvas/replacement.ts'
import { signature } from '../../src/canvas/signature.ts'
import { stampedReplacement } from '../../src/canvas/stamped.ts'
import { writeSignature } from '../../src/protocol/signature.ts'
import { aTaskMessage } from '../support/a-task-message.ts'
import { runPython } from '../support/python.ts'
import { brokerUrl } from '../support/services.ts'
import { stampsIn } from './stamps-in.ts'

it('puts stamps on all of a group in the place of a task, and on what follows it, as on_replace in Python does', async () => {
  const json = (task: string) => signature(task).toJSON()
  const embed = { callbacks: [json('callback')], errbacks: [json('errback')], chain: [json('last')], chord: null }
  const asked = { signature: group(signature('a'), signature('b')).toJSON(), stamps: { customer: 'acme' } }
  const [standIn, message] = stampedReplacement(asked, aTaskMessage({ embed }))
  const ours = stampsIn(writeSignature(standInOf(standIn, message, { newId: () => 'id' })))
  for (const step of message.embed.chain ?? []) stampsIn(step, ours)
  expect(ours).toEqual(await runPython('stamped_replacement.py', { broker: brokerUrl() }))
})
