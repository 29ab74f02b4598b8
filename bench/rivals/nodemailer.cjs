// nodemailer's pool: node nodemailer.cjs PORT CONNECTIONS LETTERS raw|mime [FILE ENCODED]
//
// LETTERS has one JSON object a line: to, raw, subject, text, html. "raw" sends the finished bytes, "mime" has nodemailer
// build the message. FILE goes along with each letter; ENCODED is the same in base64, for raw letters.
// Prints what it measured of itself: seconds, seconds of processor time, peak memory in MB.

const fs = require('fs')
const nodemailer = require('nodemailer')

const [port, connections, letters, mode, file, encoded] = process.argv.slice(2)
const from = 'jana@rights.example'
const waiting = fs.readFileSync(letters, 'utf8').trimEnd().split('\n').map(line => JSON.parse(line))
const number = waiting.length
const attached = file && fs.readFileSync(file)
const tail = encoded && fs.readFileSync(encoded)
const pool = nodemailer.createTransport({
  host: '127.0.0.1', port: Number(port), secure: false, ignoreTLS: true, name: 'rights.example',
  pool: true, maxConnections: Number(connections), maxMessages: Infinity,
})

function message(letter) {
  const envelope = { from, to: [letter.to] }
  if (mode === 'raw') {
    const own = Buffer.from(letter.raw, 'latin1')
    return { envelope, raw: tail ? Buffer.concat([own, tail]) : own }
  }
  const { to, subject, text, html } = letter
  const attachments = attached ? [{ filename: 'briefing.pdf', content: attached }] : []
  return { envelope, from, to, subject, text, html, attachments }
}

async function lane() {
  while (waiting.length) await pool.sendMail(message(waiting.shift()))
}

async function main() {
  const begun = process.hrtime.bigint(), before = process.cpuUsage()
  await Promise.all(Array.from({ length: 2 * connections }, lane)) // twice as many, so that no connection waits
  const seconds = Number(process.hrtime.bigint() - begun) / 1e9, used = process.cpuUsage(before)
  pool.close()
  const peak = /VmHWM:\s+(\d+)/.exec(fs.existsSync('/proc/self/status') ? fs.readFileSync('/proc/self/status', 'utf8') : '')
  console.log(JSON.stringify({ number, seconds, cpu: (used.user + used.system) / 1e6, peak: peak && peak[1] / 1024 }))
}

main()
