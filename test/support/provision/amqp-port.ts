import { connect } from 'node:net'

/** True when an AMQP 0-9-1 server answers the protocol header on this port. */
export function answersAmqp(port: number, host = '127.0.0.1'): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write('AMQP\x00\x00\x09\x01'))
    socket.once('data', (answer) => {
      // A method frame (connection.start), and not the server's own header, which would mean another version.
      resolve(answer[0] === 1)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
