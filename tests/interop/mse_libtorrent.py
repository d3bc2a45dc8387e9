#!/usr/bin/python3
"""libtorrent seeding one small file, to and from encrypted connections only.

    mse_libtorrent.py DIR PORT rc4|plaintext|both [PORT_TO_DIAL]

The word says what payload it takes behind the encrypted handshake. Prints "hash HEX", then
what happens.
"""
import os
import sys
import time

import libtorrent as lt

folder, port, level, *dial = sys.argv[1:]
FORCED = 0
LEVELS = {"plaintext": 1, "rc4": 2, "both": 3}

path = os.path.join(folder, "payload")
with open(path, "wb") as out:
    out.write(b"some bytes to seed\n" * 10000)
files = lt.file_storage()
lt.add_files(files, path)
torrent = lt.create_torrent(files, flags=lt.create_torrent.v1_only)
lt.set_piece_hashes(torrent, folder)

session = lt.session({
    "listen_interfaces": "127.0.0.1:" + port,
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "in_enc_policy": FORCED,
    "out_enc_policy": FORCED,
    "allowed_enc_level": LEVELS[level],
    "prefer_rc4": True,
    "alert_mask": lt.alert.category_t.all_categories,
})
params = lt.add_torrent_params()
params.ti = lt.torrent_info(torrent.generate())
params.save_path = folder
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
params.flags |= lt.torrent_flags.seed_mode
handle = session.add_torrent(params)
print("hash", params.ti.info_hashes().v1, flush=True)
for other in dial:
    handle.connect_peer(("127.0.0.1", int(other)))
while True:
    for alert in session.pop_alerts():
        print("#", alert.message(), flush=True)
    time.sleep(0.05)
