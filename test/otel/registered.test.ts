import { propagation } from '@opentelemetry/api'
import { MeterProvider } from '@opentelemetry/sdk-metrics'
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node'
import { describe, expect, it } from 'vitest'
import { defineTask } from '../../src/index.ts'
import { openTelemetry } from '../../src/otel.ts'
import { startTestWorker } from '../../src/testing.ts'
import { Sdk } from '../support/an-sdk.ts'

const seen = defineTask({ name: 'seen', run: (_, ctx) => ctx.request.headers as never })

describe('openTelemetry() where no SDK is registered', () => {
  it('surrounds nothing, and leaves headers as they are', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    const headers = { traceparent: 'of another' }
    expect(await (await scene.client.send('seen', [], { headers })).result()).toEqual(headers)
    expect(openTelemetry().active?.()).toBe(false)
  })

  it('does all that it does once one is', async () => {
    await using scene = await startTestWorker({ tasks: [seen], plugins: [openTelemetry()] })
    await (await scene.client.send('seen')).result()
    using sdk = new Sdk()
    await (await scene.client.send('seen')).result()
    expect(sdk.tree).toEqual(['apply_async/seen', 'run/seen < apply_async/seen'])
    expect(await sdk.measured('messaging.process.duration')).toMatchObject([{ count: 1 }])
  })

  it('is active with a provider of its own, and where only a context is to be carried', () => {
    expect(openTelemetry({ tracerProvider: new NodeTracerProvider() }).active?.()).toBe(true)
    expect(openTelemetry({ meterProvider: new MeterProvider() }).active?.()).toBe(true)
    propagation.setGlobalPropagator({ inject() {}, extract: (context) => context, fields: () => ['x-trace'] })
    expect(openTelemetry().active?.()).toBe(true)
    propagation.disable()
  })
})
