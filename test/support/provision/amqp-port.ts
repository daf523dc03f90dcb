import { connect } from 'node:net'

/** True when an AMQP 0-9-1 server answers the protocol header there; false when nobody does within `within` ms. */
export function answersAmqp(port: number, host = '127.0.0.1', within = 5_000): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('AMQP\x00\x00\x09\x01'))
    const answer = (yes: boolean) => {
      resolve(yes)
      socket.destroy()
    }
    // A method frame (connection.start), and not the server's own header, which would mean another version.
    socket.once('data', (bytes) => answer(bytes[0] === 1))
    socket.once('error', () => answer(false))
    socket.once('close', () => answer(false))
    socket.setTimeout(within, () => answer(false))
  })
}
