import { asEdited, tableFields, writeFields } from '../../src/broker/memory/raw-table.ts'

/**
 * Whether two header tables (without length prefixes) have the same entries, byte for byte. RabbitMQ 4 delivers them in
 * the order of their names; before, they come as they were sent.
 */
export function sameTable(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(inOrder(found), inOrder(expected)) === 0
}

function inOrder(table: Uint8Array): Uint8Array {
  return writeFields(asEdited(tableFields(table)))
}
