import { describe, expect, it } from 'vitest'
import { Sessions } from '../../../src/monitor/auth/sessions.ts'
import { ManualClock } from '../../support/manual-clock.ts'

const ADA = { name: 'ada', secret: 'correct-horse-battery', rights: ['view', 'retry'] } as const

function aDoor(allowControl = true) {
  const clock = new ManualClock(0)
  const sessions = new Sessions([ADA, { name: 'bob', secret: 'battery-horse', rights: ['view'] }], allowControl, clock)
  const known = (headers: Record<string, string>) => sessions.visitorOf(new Request('http://localhost/', { headers }))
  return { clock, sessions, known, enter: sessions.login.enter }
}

describe('a session', () => {
  it('is that of who logged in, until they log out', async () => {
    const { sessions, known, enter } = aDoor()
    const id = await enter('ada', ADA.secret)
    const headers = { cookie: `other=1; twq_monitor=${id}` }
    expect(known(headers)).toMatchObject({ name: 'ada', rights: new Set(['view', 'retry']), bearer: false })
    sessions.login.leave(new Request('http://localhost/', { headers }))
    expect(known(headers)).toBeUndefined()
  })

  it('ends after twelve hours', async () => {
    const { clock, known, enter } = aDoor()
    const headers = { cookie: `twq_monitor=${await enter('ada', ADA.secret)}` }
    await clock.advance(11 * 3_600_000)
    expect(known(headers)?.name).toBe('ada')
    await clock.advance(3_600_001)
    expect(known(headers)).toBeUndefined()
  })

  it('has a token of its own, as every other', async () => {
    const { known, enter } = aDoor()
    const [one, two] = [await enter('ada', ADA.secret), await enter('ada', ADA.secret)]
    expect(one).not.toBe(two)
    expect(known({ cookie: `twq_monitor=${one}` })?.csrf).not.toBe(known({ cookie: `twq_monitor=${two}` })?.csrf)
  })

  it('has only the right to look where nothing may be changed', async () => {
    const { known, enter } = aDoor(false)
    expect(known({ cookie: `twq_monitor=${await enter('ada', ADA.secret)}` })?.rights).toEqual(new Set(['view']))
  })

  it.each(['', 'twq_monitor=', 'twq_monitor=guess', 'twq_monitor', '=;=;', 'x'.repeat(5_000)])(
    'is none for the cookie %j',
    (cookie) => {
      expect(aDoor().known({ cookie })).toBeUndefined()
    },
  )
})

describe('a login', () => {
  it.each([
    ['ada', 'battery-horse'],
    ['bob', ADA.secret],
    ['', ''],
    ['ada', ''],
    ['ada', `${ADA.secret} `],
    ['__proto__', ADA.secret],
  ])('of %j with %j is refused', async (name, secret) => {
    expect(await aDoor().enter(name, secret)).toBeUndefined()
  })

  it('has to wait after ten that were wrong, whoever tried, and a token too', async () => {
    const { clock, enter, known } = aDoor()
    for (let tries = 0; tries < 10; tries++) expect(await enter('ada', `guess ${tries}`)).toBeUndefined()
    expect(await enter('ada', ADA.secret)).toBe('later')
    expect(known({ authorization: `Bearer ${ADA.secret}` })).toBeUndefined()
    await clock.advance(2_000)
    expect(await enter('ada', ADA.secret)).toEqual(expect.stringMatching(/^[\w-]{43}$/))
  })

  it('is not needed by a program that sends the secret as a token', () => {
    const { known } = aDoor()
    expect(known({ authorization: `Bearer ${ADA.secret}` })).toMatchObject({ name: 'ada', bearer: true })
    expect(known({ authorization: 'Bearer wrong' })).toBeUndefined()
    expect(known({ authorization: `Basic ${ADA.secret}` })).toBeUndefined()
  })
})
