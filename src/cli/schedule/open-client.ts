import type { Client } from '../../client/client.ts'
import { createRoutedClient } from '../../client/create-client.ts'
import { createRouter } from '../../sending/router.ts'
import type { GlobalOptions } from '../flags/global-options.ts'
import { loadConfig } from '../flags/load-config.ts'

// Shorter than the default of a client: a person waits for the error.
const PATIENCE = 2_500

/** A client for `twq schedule …`, of the broker and the namespace of the configuration. */
export async function openClient(verb: string, flags: GlobalOptions): Promise<Client> {
  const { config, origins } = await loadConfig(`schedule ${verb}`, flags)
  const { broker, heartbeat, schedulesNamespace, defaultQueue } = config
  const publishTimeout = origins.get('publishTimeout') === 'default' ? PATIENCE : config.publishTimeout
  const settings = { broker, heartbeat, schedulesNamespace, publishTimeout, resultBackend: 'none' }
  return createRoutedClient(settings, createRouter({ defaultQueue }))
}
