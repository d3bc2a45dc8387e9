#!/bin/sh
# install_streamers.sh DIR: webtorrent and peerflix from npm into DIR, once, to be compared with us.
# Nothing of theirs is compiled or run at installation: webtorrent's WebRTC, which would need that, is
# replaced by nothing, for TCP does without. Where npm is missing or reaches nobody they are left out.
set -u
mkdir -p "$1" && cd "$1" || exit 1
[ -d node_modules/peerflix ] && [ -d node_modules/webtorrent ] && exit 0
if ! command -v npm >/dev/null || ! command -v node >/dev/null; then
    echo "npm is not installed: mare is not compared with webtorrent and peerflix"
    exit 0
fi
npm install --ignore-scripts --no-audit --no-fund --loglevel=error --prefix . webtorrent peerflix ||
    echo "npm cannot install webtorrent and peerflix: they are left out"
stub=node_modules/webrtc-polyfill/index.js
if [ -e "$stub" ]; then
    for name in RTCPeerConnection RTCSessionDescription RTCIceCandidate; do
        echo "export class $name {}"
    done >"$stub"
    echo 'export default {}' >>"$stub"
fi
exit 0
