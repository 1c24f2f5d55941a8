# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# modules: toa
# programs: apache haproxy java python sshd
# qemu: -accel tcg,thread=single -smp 2 -cpu max
# kernel-args: clearcpuid=141
# edge: yes
# timeout: 300
# Programs as people run them see the client: nginx, haproxy, Apache, servers in
# Java, Go and Python, sshd. haproxy has to have cmpxchg16b, which kernels must
# not use in this emulator: the CPU has it, and the kernel is told that it has not.

setup_insert
insert "$(toa_option 4)"
dir=$lab_tmp/programs
mkdir -p "$dir"

# get PORT: a page by IPv4 from a local port of our choice, so that we know what
# port is told; below those that others are given.
get() {
	in_ns "$client" curl -sS --max-time 20 --retry $((20 * LAB_SLOW)) --retry-connrefused --retry-delay 1 \
		--local-port "$((20000 + $1))" "http://$rs1_ip4:$1/"
}

# told PORT: a regular expression for the client that get's connection is told.
told() {
	echo "$(regex "$told_ip4")[: ]$(((20000 + $1) ^ 0x5555))\$"
}

cat >"$dir/nginx.conf" <<-END
	daemon off; master_process off; error_log stderr; pid $dir/nginx.pid;
	events { }
	http {
		log_format peer '\$remote_addr \$remote_port';
		server {
			listen [::]:7080 ipv6only=off;
			access_log $dir/nginx.access peer;
			location / { return 200 ok; }
		}
	}
END
mkdir -p /var/log/nginx /var/lib/nginx
start_in "$rs1" nginx nginx -c "$dir/nginx.conf"

cat >"$dir/haproxy.cfg" <<-END
	defaults
		mode http
		timeout client 30s
		timeout server 30s
		timeout connect 5s
	frontend f
		bind :7081
		http-request return status 200 content-type text/plain lf-string "%[src] %[src_port]\n"
END
start_in "$rs1" haproxy haproxy -db -f "$dir/haproxy.cfg"

cat >"$dir/apache.conf" <<-END
	ServerName lab
	ServerRoot /tmp
	PidFile $dir/apache.pid
	DefaultRuntimeDir $dir
	Listen 7082
	LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
	LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
	User nobody
	Group nogroup
	StartServers 1
	ErrorLog $dir/apache.error
	LogFormat "%a %{remote}p" peer
	CustomLog $dir/apache.access peer
	DocumentRoot $dir
END
chmod 755 "$lab_tmp" "$dir"
start_in "$rs1" apache apache2 -f "$dir/apache.conf" -DFOREGROUND

cat >"$dir/server.py" <<-'END'
	import socket
	server = socket.create_server(("", 7083))
	while True:
	    conn, accepted = server.accept()
	    conn.recv(4096)
	    body = "%s %d\n" % conn.getpeername() if conn.getpeername() == accepted else "two answers\n"
	    conn.sendall(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)).encode())
	    conn.close()
END
start_in "$rs1" python python3 "$dir/server.py"
start_in "$rs1" java java -Xint -XX:UseAVX=0 -XX:+UseSerialGC -cp /usr/lib/java-server PeerServer 7084
serve "$rs1" go -tcp 7085 -udp ""

check "nginx answers" get 7080
# It answers first.
poll_until 10 "nginx writes its log" test -s "$dir/nginx.access"
expect_match "nginx: the access log has the client" "^::ffff:$(told 7080)" "$(cat "$dir/nginx.access")"
expect_match "haproxy" "^$(told 7081)" "$(get 7081)"
check "Apache answers" get 7082
poll_until 10 "Apache writes its log" test -s "$dir/apache.access"
expect_match "Apache: the access log has the client" "^$(told 7082)" "$(cat "$dir/apache.access")"
expect_match "Python, accept() and getpeername()" "^$(told 7083)" "$(get 7083)"
expect_match "Go, on a dual-stack socket" "peer=$(regex "$told_ip4"):$(((20000 + 7085) ^ 0x5555)) " "$(get 7085)"
wait_log java '^READY' 60
expect_match "Java, on a dual-stack socket" "peer=/$(told 7084)" "$(get 7084)"

# sshd tells its children in the environment.
grep -q '^sshd:' /etc/passwd || echo 'sshd:x:105:65534::/run/sshd:/bin/false' >>/etc/passwd
mkdir -p /run/sshd
chmod 755 /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$dir/host"
ssh-keygen -q -t ed25519 -N '' -f "$dir/user"
cat >"$dir/sshd.conf" <<-END
	Port 7022
	HostKey $dir/host
	AuthorizedKeysFile $dir/user.pub
	PidFile none
	StrictModes no
	UsePAM no
	PermitRootLogin yes
	UseDNS no
END
start_in "$rs1" sshd /usr/sbin/sshd -D -e -f "$dir/sshd.conf"
wait_log sshd 'Server listening on 0\.0\.0\.0' 20
out=$(in_ns "$client" ssh -F none -i "$dir/user" -p 7022 -o StrictHostKeyChecking=no \
	-o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=40 "root@$rs1_ip4" 'echo "$SSH_CLIENT"' 2>&1) || true
expect_match "sshd: SSH_CLIENT has the client" "^$(regex "$told_ip4") [0-9]+ 7022\$" "$out"
