#!/usr/bin/python3
"""libtorrent as a peer: seeds or leeches one torrent, over TCP, in plain unless told otherwise.

    libtorrent_client.py seed|leech TORRENT DIR --listen HOST:PORT [--peer HOST:PORT]...
        [--up-rate BYTES] [--unverified] [--pex] [--node HOST:PORT] [--lsd]
        [--encryption off|rc4|plaintext|both|enabled]

--encryption: rc4, plaintext and both are forced, and say what may follow the encrypted handshake;
enabled is its default, which takes plain connections, too. With --node it takes part in the DHT,
which that node is its first contact in; with --lsd it looks for peers on the local network.

TORRENT is a file or a magnet link. Prints "ready", then "progress DONE/WANTED" lines, and with
--pex a line "heard of HOST:PORT" for each peer that another one told; a leech ends when it has
everything.
"""
import argparse
import sys
import time

import libtorrent as lt

arguments = argparse.ArgumentParser()
arguments.add_argument("mode", choices=["seed", "leech"])
arguments.add_argument("torrent")
arguments.add_argument("dir")
arguments.add_argument("--listen", required=True)
arguments.add_argument("--peer", action="append", default=[])
arguments.add_argument("--up-rate", type=int, default=0)
arguments.add_argument("--unverified", action="store_true", help="seed without a check")
arguments.add_argument("--encryption", default="off",
                       choices=["off", "rc4", "plaintext", "both", "enabled"])
arguments.add_argument("--pex", action="store_true", help="peers tell each other of others")
arguments.add_argument("--node")
arguments.add_argument("--lsd", action="store_true")
options = arguments.parse_args()

FORCED, ENABLED, DISABLED = 0, 1, 2
policy = {"off": DISABLED, "enabled": ENABLED}.get(options.encryption, FORCED)
level = {"plaintext": 1, "rc4": 2}.get(options.encryption, 3)

session = lt.session({
    "listen_interfaces": options.listen,
    "outgoing_interfaces": options.listen.rsplit(":", 1)[0],
    "enable_dht": bool(options.node),
    "dht_bootstrap_nodes": options.node or "",
    # By default many nodes of one address are taken for one attacker.
    "dht_restrict_routing_ips": False,
    "dht_restrict_search_ips": False,
    "dht_ignore_dark_internet": False,
    "dht_enforce_node_id": False,
    "dht_prefer_verified_node_ids": False,
    "dht_block_ratelimit": 1000,
    "enable_lsd": options.lsd,
    "enable_upnp": False,
    "enable_natpmp": False,
    "enable_incoming_utp": False,
    "enable_outgoing_utp": False,
    "in_enc_policy": policy,
    "out_enc_policy": policy,
    "allowed_enc_level": level,
    "allow_multiple_connections_per_ip": True,
    "upload_rate_limit": options.up_rate,
    "alert_mask": lt.alert.category_t.error_notification
    | lt.alert.category_t.status_notification
    | lt.alert.category_t.tracker_notification
    | lt.alert.category_t.connect_notification
    | lt.alert.category_t.dht_notification,
})
# By default, limits do not count what stays on this machine.
session.set_peer_class_filter(lt.ip_filter())

# A search that begins before it knows any node finds nobody, and is not repeated for long.
bootstrapped = not options.node
while not bootstrapped:
    session.wait_for_alert(1000)
    bootstrapped = any(isinstance(alert, lt.dht_bootstrap_alert) for alert in session.pop_alerts())

if options.torrent.startswith("magnet:"):
    params = lt.parse_magnet_uri(options.torrent)
else:
    params = lt.add_torrent_params()
    params.ti = lt.torrent_info(options.torrent)
params.save_path = options.dir
params.flags &= ~(lt.torrent_flags.auto_managed | lt.torrent_flags.paused)
if not options.pex:
    params.flags |= lt.torrent_flags.disable_pex
if options.unverified:
    params.flags |= lt.torrent_flags.seed_mode
handle = session.add_torrent(params)
for peer in options.peer:
    host, port = peer.rsplit(":", 1)
    handle.connect_peer((host, int(port)))

ready = bool(handle.torrent_file() is None)  # a link: the rest comes from peers
heard = set()
if ready:
    print("ready")
last = None
while True:
    for alert in session.pop_alerts():
        print("#", alert.message())
    status = handle.status()
    if not ready and status.state in (lt.torrent_status.seeding, lt.torrent_status.finished,
                                      lt.torrent_status.downloading):
        if options.mode == "seed" and not status.is_seeding:
            sys.exit("there is not everything to seed")
        ready = True
        print("ready")
    for peer in handle.get_peer_info() if options.pex else []:
        if peer.source & lt.peer_info.pex and peer.ip not in heard:
            heard.add(peer.ip)
            print("heard of %s:%d" % peer.ip)
    now = (status.total_wanted_done, status.total_wanted, status.num_peers)
    if now != last:
        print("progress %d/%d, %d peers" % now)
        last = now
    sys.stdout.flush()
    if options.mode == "leech" and status.is_seeding:
        print("done")
        break
    time.sleep(0.1)
