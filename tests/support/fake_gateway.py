#!/usr/bin/python3
"""A router that maps ports for whoever asks, by NAT-PMP (RFC 6886) or UPnP IGD, and says so.

    fake_gateway.py ADDRESS [--natpmp] [--upnp] [--hang] [--lifetime SECONDS] [--shift N]
        [--permanent] [--conflict PORT]

Prints "ready", then a line for each thing that is asked: "map tcp 6881 -> 6981 for 3600",
"unmap tcp 6981". --hang takes HTTP connections, prints "hanging" and never answers ("left"
when the other side gives up). --lifetime is granted instead of what is asked (NAT-PMP);
--shift is added to the port outside; --permanent knows no leases, --conflict has a port taken (UPnP).
"""
import argparse
import re
import socket
import struct
import threading
import time

EXTERNAL = "203.0.113.7"
HTTP_PORT = 5000
KIND = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
SERVICE = "urn:schemas-upnp-org:service:WANIPConnection:1"

arguments = argparse.ArgumentParser()
arguments.add_argument("address")
arguments.add_argument("--natpmp", action="store_true")
arguments.add_argument("--upnp", action="store_true")
arguments.add_argument("--hang", action="store_true")
arguments.add_argument("--lifetime", type=int)
arguments.add_argument("--shift", type=int, default=0)
arguments.add_argument("--permanent", action="store_true")
arguments.add_argument("--conflict", type=int)
options = arguments.parse_args()


def say(*words):
    print(*words, flush=True)


# ---- NAT-PMP ------------------------------------------------------------------------------------

def answer_natpmp(data):
    version, op = data[0], data[1]
    if version != 0:
        return struct.pack(">BBHI", 0, 128, 1, 1)
    if op == 0:
        return struct.pack(">BBHI", 0, 128, 0, 1) + socket.inet_aton(EXTERNAL)
    inside, outside, lifetime = struct.unpack(">4xHHI", data[:12])
    name = "udp" if op == 1 else "tcp"
    if lifetime == 0:
        say("unmap", name, inside)
        outside = 0
    else:
        lifetime = options.lifetime or lifetime
        outside = inside + options.shift
        say("map %s %d -> %d for %d" % (name, inside, outside, lifetime))
    return struct.pack(">BBHIHHI", 0, 128 + op, 0, 1, inside, outside, lifetime)


def serve_natpmp():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((options.address, 5351))
    while True:
        data, peer = server.recvfrom(100)
        server.sendto(answer_natpmp(data), peer)


# ---- UPnP ---------------------------------------------------------------------------------------

DESCRIPTION = """<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>
<device><deviceType>%s</deviceType><friendlyName>fake</friendlyName><deviceList>
<device><deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType><serviceList><service>
<serviceType>urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1</serviceType>
<controlURL>/common</controlURL><eventSubURL>/e1</eventSubURL><SCPDURL>/s1</SCPDURL></service></serviceList>
<deviceList><device><deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
<serviceList><service><serviceType>%s</serviceType>
<controlURL>/control</controlURL><eventSubURL>/e2</eventSubURL><SCPDURL>/s2</SCPDURL></service></serviceList>
</device></deviceList></device></deviceList></device></root>""" % (KIND, SERVICE)

ENVELOPE = """<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>%s</s:Body></s:Envelope>"""
FAULT = """<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring><detail>
<UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>%d</errorCode>
<errorDescription>no</errorDescription></UPnPError></detail></s:Fault>"""


def field(text, name):
    found = re.search("<%s[^>]*>([^<]*)</%s>" % (name, name), text)
    return found.group(1) if found else ""


def add_mapping(text):
    outside, inside = int(field(text, "NewExternalPort")), int(field(text, "NewInternalPort"))
    lease = int(field(text, "NewLeaseDuration"))
    if options.permanent and lease:
        return 725
    if outside == options.conflict:
        return 718
    say("map %s %d -> %d for %d" % (field(text, "NewProtocol").lower(), inside, outside, lease))
    return 0


def answer_soap(text):
    """The action's answer, or an error's number."""
    action = re.search("<u:([A-Za-z]+)", text).group(1)
    inner, error = "", 0
    if action == "GetStatusInfo":
        inner = "<NewConnectionStatus>Connected</NewConnectionStatus>" \
            "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>9</NewUptime>"
    elif action == "GetExternalIPAddress":
        inner = "<NewExternalIPAddress>%s</NewExternalIPAddress>" % EXTERNAL
    elif action == "AddPortMapping":
        error = add_mapping(text)
    elif action == "DeletePortMapping":
        say("unmap", field(text, "NewProtocol").lower(), field(text, "NewExternalPort"))
    else:
        error = 401
    if error:
        return error, ENVELOPE % (FAULT % error)
    return 0, ENVELOPE % ('<u:%sResponse xmlns:u="%s">%s</u:%sResponse>'
                          % (action, SERVICE, inner, action))


def read_request(client):
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.recv(65536)
        if not more:
            return "", ""
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length.group(1)):
        body += client.recv(65536)
    return head.decode(), body.decode()


def serve_client(client):
    if options.hang:
        say("hanging")
        while client.recv(65536):
            pass
        say("left", time.monotonic())
        return
    head, body = read_request(client)
    if head:
        error, text = (0, DESCRIPTION) if head.startswith("GET") else answer_soap(body)
        status = "500 Internal Server Error" if error else "200 OK"
        client.sendall(("HTTP/1.1 %s\r\nContent-Type: text/xml\r\nContent-Length: %d\r\n"
                        "Connection: close\r\n\r\n%s" % (status, len(text), text)).encode())
    client.close()


def serve_http():
    server = socket.create_server((options.address, HTTP_PORT))
    while True:
        client, _ = server.accept()
        threading.Thread(target=serve_client, args=(client,), daemon=True).start()


def serve_ssdp():
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("", 1900))
    server.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                      socket.inet_aton("239.255.255.250") + socket.inet_aton(options.address))
    while True:
        data, peer = server.recvfrom(2000)
        if data.startswith(b"M-SEARCH") and KIND.encode() in data:
            server.sendto(("HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nST: %s\r\n"
                           "USN: uuid:fake::%s\r\nEXT:\r\nSERVER: fake\r\n"
                           "LOCATION: http://%s:%d/root.xml\r\n\r\n"
                           % (KIND, KIND, options.address, HTTP_PORT)).encode(), peer)


parts = []
if options.natpmp:
    parts.append(serve_natpmp)
if options.upnp or options.hang:
    parts += [serve_http, serve_ssdp]
for part in parts:
    threading.Thread(target=part, daemon=True).start()
say("ready")
threading.Event().wait()
