#!/usr/bin/env python3
"""A system bus of the tests' own, on which python3-dbusmock answers as systemd does.

usage: units.py FOLDER [PID UNIT FRAGMENT_PATH]...
Serves at FOLDER/bus and prints "ready". On its input, "restart" does all of that again with a new bus, and the end ends it.
Needs dbus-daemon and Debian's python3-dbusmock.
"""
import os
import subprocess
import sys
import time

import dbus
import dbus.bus

MANAGER = "org.freedesktop.systemd1.Manager"
NO_UNIT = """
if args[0] in self.unit_by_pid:
    ret = dbus.ObjectPath(self.unit_by_pid[args[0]])
else:
    raise dbus.exceptions.DBusException('PID %d does not belong to any loaded unit.' % args[0],
                                        name='org.freedesktop.systemd1.NoUnitForPID')
"""
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
"""


def escaped(name):
    """A unit's name as systemd writes it into object paths."""
    return "".join(c if c.isascii() and c.isalnum() else "_%02x" % ord(c) for c in name)


def start(folder, units):
    address = f"unix:path={folder}/bus"
    with open(f"{folder}/bus.conf", "w") as file:
        file.write(CONFIG.format(folder=folder))
    if os.path.exists(f"{folder}/bus"):
        os.unlink(f"{folder}/bus")
    env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=address)
    daemon = subprocess.Popen(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile"])
    while not os.path.exists(f"{folder}/bus"):
        time.sleep(0.02)
    mock = subprocess.Popen(["/usr/bin/python3", "-m", "dbusmock", "--system", "--template", "systemd"], env=env,
                            stdout=subprocess.DEVNULL)
    bus = dbus.bus.BusConnection(address)
    while not bus.name_has_owner("org.freedesktop.systemd1"):
        time.sleep(0.02)
    manager = bus.get_object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
    control = dbus.Interface(manager, "org.freedesktop.DBus.Mock")
    paths = {}
    for pid, name, fragment in units:
        path = "/org/freedesktop/systemd1/unit/" + escaped(name)
        control.AddObject(path, "org.freedesktop.systemd1.Unit", {"Id": name, "FragmentPath": fragment},
                          dbus.Array([], signature="(ssss)"))
        paths[int(pid)] = path
    control.AddMethod(MANAGER, "GetUnitByPID", "u", "o", f"self.unit_by_pid = {paths!r}\n{NO_UNIT}")
    bus.close()
    return [mock, daemon]


def stop(processes):
    for process in processes:
        process.kill()
        process.wait()


def main():
    folder, rest = sys.argv[1], sys.argv[2:]
    units = [tuple(rest[i:i + 3]) for i in range(0, len(rest), 3)]
    processes = start(folder, units)
    try:
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "restart":
                stop(processes)
                processes = start(folder, units)
                print("ready", flush=True)
    finally:
        stop(processes)


main()
