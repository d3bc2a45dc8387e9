// webtorrent as its own command sets it up for a player: node stream_webtorrent.mjs MODULE
// TORRENT FOLDER PORT HTTP_PORT; prints URL and where the first file is served.
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const [module, torrentFile, folder, port, httpPort] = process.argv.slice(2)
const { default: WebTorrent } = await import(pathToFileURL(path.join(module, 'index.js')))

const client = new WebTorrent({
  dht: false, lsd: false, utp: false, utPex: false, natUpnp: false, natPmp: false,
  webSeeds: false, secure: false, torrentPort: Number(port)
})
const fail = problem => { console.error(problem); process.exit(1) }
client.on('error', fail)
const torrent = client.add(torrentFile, { path: folder, strategy: 'sequential' })
const server = client.createServer(undefined, 'node')
server.listen(Number(httpPort), '127.0.0.1')
torrent.on('ready', () => {
  console.log('URL http://127.0.0.1:' + httpPort + torrent.files[0].streamURL)
})
