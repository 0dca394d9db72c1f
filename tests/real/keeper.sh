#!/usr/bin/env bash
# Starts the mail servers of the test rig, and takes them and their directory away again.
#
#   keeper.sh WORK INSTANCE...      Dovecot from WORK/INSTANCE.conf each, Postfix from WORK/postfix/conf
#
# It runs as root and holds on to its standard input: whichever way the test ends (success, panic, kill -9), the pipe closes
# with it, and that is the signal to stop. Only processes started here are stopped, by their ids.
set -u

work=$1
shift
dovecots=()

stop() {
    trap '' EXIT INT TERM HUP
    local pid=
    [ -r "$work/postfix/spool/pid/master.pid" ] && read -r pid <"$work/postfix/spool/pid/master.pid"
    [ -n "$pid" ] && kill "$pid" 2>>"$work/keeper.log"
    for dovecot in "${dovecots[@]}"; do
        kill "$dovecot" 2>>"$work/keeper.log"
    done
    wait
    # The Postfix master is not a child of this shell: give it until its children are gone, at most 5 s.
    for _ in $(seq 50); do
        [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    rm -rf -- "$work"
}
trap stop EXIT INT TERM HUP

# What root must own, and what the servers' own users must be able to write.
chown -R root:root "$work/postfix"
chown root:dovecot "$work/users" && chmod 640 "$work/users"
chown -R mail:mail "$work/mail"
install -d -o postfix -g root -m 700 "$work/postfix/data" "$work/postfix/spool/private"

for instance in "$@"; do
    dovecot -F -c "$work/$instance.conf" </dev/null &
    dovecots+=($!)
done
# Its standard input must not be ours, or the daemon would hold the pipe.
postfix -c "$work/postfix/conf" start </dev/null

read -r _ || true
