# shellcheck shell=sh
# diversions: stock's files that make way for ours while this package is there, and
# where they stay beside. A release has them below /sbin or below /usr/sbin.
diversions() {
	for name in ipvsadm ipvsadm-save ipvsadm-restore; do
		echo "/sbin/$name /sbin/$name.stock"
		echo "/usr/sbin/$name /usr/sbin/$name.stock"
		echo "/usr/share/man/man8/$name.8.gz /usr/share/man/man8/$name.stock.8.gz"
	done
}

# is_stock_known: stock's package is installed, or was and left its configuration.
is_stock_known() {
	case $(dpkg-query -W -f '${db:Status-Status}' ipvsadm 2>/dev/null) in
	"" | not-installed) return 1 ;;
	esac
}
