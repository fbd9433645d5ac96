# What `make drive` needs besides: QEMU and a small Linux guest, from Debian's packages, in build/guest.
# A Debian kernel as it is, and one script (tests/guest/init) that is all of the guest's programs. As root on Debian the
# packages are installed; elsewhere somebody has to. Ends with 0 and a line that says what is missing: the tests are
# skipped then, and fail where CI is set.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-build/guest}
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export DEBIAN_FRONTEND=noninteractive

missing() {
    if [ -s "$work/said" ]; then tail -n 3 "$work/said"; fi
    echo "make: $1: nilo drive is not tried on a real guest"
    exit 0
}

if ! command -v qemu-system-x86_64 >/dev/null || ! command -v cpio >/dev/null || [ ! -x /bin/busybox ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        missing "no QEMU here; to have it, install qemu-system-x86, busybox-static and cpio"
    fi
    echo "make: QEMU, busybox and cpio, by apt-get, for a real guest"
    { apt-get -qq update && apt-get -qq --yes --no-install-recommends install qemu-system-x86 busybox-static cpio; } \
        >"$work/said" 2>&1 || missing "QEMU could not be installed"
fi

if [ ! -e "$out/vmlinuz" ]; then
    command -v apt-get >/dev/null || missing "no Debian here to take a kernel from"
    echo "make: a kernel for the guest, by apt-get"
    # The package of that name is empty: it depends on the kernel of the day. A package is read as root from a folder of root.
    {
        apt-cache show linux-image-cloud-amd64 >/dev/null 2>&1 || apt-get -qq update
        kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
        (cd "$work" && apt-get -qq -o APT::Sandbox::User=root download "$kernel" && dpkg-deb -x linux-image-*.deb tree)
    } >"$work/said" 2>&1 || missing "a kernel could not be downloaded"
    cp "$work"/tree/boot/vmlinuz-* "$work/vmlinuz"
    rm -rf "$out/drivers" && mkdir "$out/drivers"
    for name in virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console virtio_balloon virtio_mem; do
        file=$(find "$work/tree/lib/modules" -name "$name.ko" -o -name "$name.ko.xz" | head -n 1)
        case $file in
            '') continue ;; # built into the kernel
            *.xz) xz -dc "$file" >"$out/drivers/$name.ko" ;;
            *) cp "$file" "$out/drivers/$name.ko" ;;
        esac
        echo "$name" >>"$out/drivers/order"
    done
    mv "$work/vmlinuz" "$out/vmlinuz"
fi

mkdir -p "$work/image/bin" "$work/image/proc" "$work/image/sys" "$work/image/dev"
cp /bin/busybox "$work/image/bin/busybox"
cp "$here/init" "$work/image/init" && chmod 755 "$work/image/init"
cp -r "$out/drivers" "$work/image/drivers"
(cd "$work/image" && find . | LC_ALL=C sort | cpio -o -H newc --quiet) | gzip -1n >"$work/initrd.gz"
mv "$work/initrd.gz" "$out/initrd.gz"
