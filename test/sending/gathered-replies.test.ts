import { describe, expect, it } from 'vitest'
import { GatheredReplies } from '../../src/sending/gathered-replies.ts'

describe('the replies to one question', () => {
  it('are the last of each node', () => {
    const gathered = new GatheredReplies()
    gathered.add({ node: 'a', value: 1 })
    gathered.add({ node: 'b', value: 2 })
    gathered.add({ node: 'a', value: 3 })
    expect([...gathered.replies]).toEqual([
      ['a', 3],
      ['b', 2],
    ])
    expect(gathered.dropped).toBe(0)
  })

  it('are bounded in number; a node that is known may answer again', () => {
    const gathered = new GatheredReplies({ nodes: 2 })
    for (const node of ['a', 'b', 'c', 'd']) gathered.add({ node, value: 1 })
    gathered.add({ node: 'a', value: 2 })
    expect([...gathered.replies.keys()]).toEqual(['a', 'b'])
    expect(gathered.replies.get('a')).toBe(2)
    expect(gathered.dropped).toBe(2)
  })

  it('are bounded in bytes, however often one node answers', () => {
    const gathered = new GatheredReplies({ bytes: 10_000 })
    gathered.add({ node: 'large', value: ['x'.repeat(10_000)] })
    for (let turn = 0; turn < 100; turn += 1) gathered.add({ node: 'a', value: { text: 'x'.repeat(2_000) } })
    gathered.add({ node: 'b', value: 'x'.repeat(2_000) })
    gathered.add({ node: 'c', value: 'x'.repeat(2_000) })
    expect([...gathered.replies.keys()]).toEqual(['a', 'b'])
    expect(gathered.dropped).toBe(2)
  })

  it('are of nodes whose names are names', () => {
    const gathered = new GatheredReplies()
    gathered.add({ node: '', value: 1 })
    gathered.add({ node: 'x'.repeat(256), value: 1 })
    expect(gathered.replies.size).toBe(0)
    expect(gathered.dropped).toBe(2)
  })
})
