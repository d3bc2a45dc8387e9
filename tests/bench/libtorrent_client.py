#!/usr/bin/python3
"""libtorrent at its best, by Debian's Python binding: leech|seed TORRENT DIR PORT [HOST:PORT]...

Prints "DONE" when all is there and verified. Its work is done by its own threads; Python sleeps.
"""
import sys

import libtorrent as lt

mode, path, directory, port = sys.argv[1:5]
session = lt.session({
    "listen_interfaces": "127.0.0.1:" + port,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_outgoing_utp": False,
    "enable_incoming_utp": False,
    "allow_multiple_connections_per_ip": True,
    "ssrf_mitigation": False,
    "in_enc_policy": 2,  # disabled
    "out_enc_policy": 2,
    "connections_limit": 500,
    "connection_speed": 500,
    "torrent_connect_boost": 200,
    "max_out_request_queue": 2000,
    "max_queued_disk_bytes": 64 << 20,
    "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(path)
params.save_path = directory
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
if mode == "seed":
    params.flags |= lt.torrent_flags.seed_mode
torrent = session.add_torrent(params)
for peer in sys.argv[5:]:
    host, peer_port = peer.rsplit(":", 1)
    torrent.connect_peer((host, int(peer_port)))
while True:
    session.wait_for_alert(1000)
    for alert in session.pop_alerts():
        if isinstance(alert, lt.torrent_finished_alert) and mode == "leech":
            print("DONE", flush=True)
