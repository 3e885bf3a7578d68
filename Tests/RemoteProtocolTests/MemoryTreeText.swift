/// What QEMU 7.2 prints for `info mtree -f`; of devices with the same name in a view only the
/// first.
enum MemoryTreeText {
  /// `qemu-system-x86_64 -M q35 -m 6G -smp 2`: 2 GiB of RAM lie below 4 GiB.
  static let q35 = #"""
    FlatView #0
     AS "I/O", root: io
     Root memory region: io
      0000000000000000-0000000000000007 (prio 0, i/o): dma-chan
      0000000000000008-000000000000000f (prio 0, i/o): dma-cont
      0000000000000010-000000000000001f (prio 0, i/o): io @0000000000000010
      0000000000000020-0000000000000021 (prio 0, i/o): pic
      0000000000000040-0000000000000043 (prio 0, i/o): pit
      0000000000000060-0000000000000060 (prio 0, i/o): i8042-data
      0000000000000061-0000000000000061 (prio 0, i/o): pcspk
      0000000000000064-0000000000000064 (prio 0, i/o): i8042-cmd
      0000000000000070-0000000000000070 (prio 0, i/o): rtc-index
      0000000000000071-0000000000000071 (prio 0, i/o): rtc @0000000000000001
      000000000000007e-000000000000007f (prio 0, i/o): kvmvapic
      0000000000000080-0000000000000080 (prio 0, i/o): ioport80
      0000000000000081-0000000000000083 (prio 0, i/o): dma-page
      0000000000000092-0000000000000092 (prio 0, i/o): port92
      00000000000000b2-00000000000000b3 (prio 0, i/o): apm-io
      00000000000000f0-00000000000000f0 (prio 0, i/o): ioportF0
      00000000000004d0-00000000000004d0 (prio 0, i/o): elcr
      0000000000000510-0000000000000511 (prio 0, i/o): fwcfg
      0000000000000514-000000000000051b (prio 0, i/o): fwcfg.dma
      0000000000000cc0-0000000000000cd7 (prio 0, i/o): acpi-pci-hotplug
      0000000000000cd8-0000000000000cf7 (prio 0, i/o): acpi-cpu-hotplug
      0000000000000cf8-0000000000000cf8 (prio 0, i/o): pci-conf-idx
      0000000000000cf9-0000000000000cf9 (prio 1, i/o): lpc-reset-control
      0000000000000cfc-0000000000000cff (prio 0, i/o): pci-conf-data
      0000000000005658-0000000000005658 (prio 0, i/o): vmport

    FlatView #1
     AS "cpu-smm-1", root: memory
     Root memory region: memory
      0000000000000000-00000000000bffff (prio 0, ram): pc.ram
      00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
      00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
      0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000
      00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
      00000000fed00000-00000000fed003ff (prio 0, i/o): hpet
      00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
      00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
      0000000100000000-00000001ffffffff (prio 0, ram): pc.ram @0000000080000000

    FlatView #2
     AS "mch", root: bus master container
     AS "ICH9-LPC", root: bus master container
     AS "ich9-ahci", root: bus master container
     AS "ICH9-SMB", root: bus master container
     Root memory region: (none)
      No rendered FlatView

    FlatView #3
     AS "cpu-smm-0", root: memory
     Root memory region: memory
      0000000000000000-00000000000bffff (prio 0, ram): pc.ram
      00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
      00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
      0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000
      00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
      00000000fed00000-00000000fed003ff (prio 0, i/o): hpet
      00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
      00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
      0000000100000000-00000001ffffffff (prio 0, ram): pc.ram @0000000080000000

    FlatView #4
     AS "memory", root: system
     AS "cpu-memory-0", root: system
     AS "cpu-memory-1", root: system
     Root memory region: system
      0000000000000000-00000000000bffff (prio 0, ram): pc.ram
      00000000000c0000-00000000000dffff (prio 1, rom): pc.rom
      00000000000e0000-00000000000fffff (prio 0, rom): pc.bios @0000000000020000
      0000000000100000-000000007fffffff (prio 0, ram): pc.ram @0000000000100000
      00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
      00000000fed00000-00000000fed003ff (prio 0, i/o): hpet
      00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
      00000000fffc0000-00000000ffffffff (prio 0, rom): pc.bios
      0000000100000000-00000001ffffffff (prio 0, ram): pc.ram @0000000080000000
    """#

  /// `qemu-system-x86_64 -M microvm -m 6G`: one view also serves SMM.
  static let microvm = #"""
    FlatView #0
     AS "memory", root: system
     AS "cpu-memory-0", root: system
     AS "cpu-smm-0", root: memory
     Root memory region: system
      0000000000000000-00000000000effff (prio 0, ram): microvm.ram
      00000000000f0000-00000000000fffff (prio 0, ram): pc.bios
      0000000000100000-00000000bfffffff (prio 0, ram): microvm.ram @0000000000100000
      00000000fea00000-00000000fea00003 (prio 0, i/o): acpi-ged
      00000000fea00200-00000000fea00202 (prio 0, i/o): acpi-ged-regs
      00000000feb00000-00000000feb001ff (prio 0, i/o): virtio-mmio
      00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
      00000000fee00000-00000000feefffff (prio 4096, i/o): apic-msi
      00000000ffff0000-00000000ffffffff (prio 0, ram): pc.bios
      0000000100000000-00000001bfffffff (prio 0, ram): microvm.ram @00000000c0000000

    FlatView #1
     AS "I/O", root: io
     Root memory region: io
      0000000000000000-000000000000001f (prio 0, i/o): io
      0000000000000020-0000000000000021 (prio 0, i/o): pic
      0000000000000040-0000000000000043 (prio 0, i/o): pit
      0000000000000070-0000000000000070 (prio 0, i/o): rtc-index
      0000000000000071-0000000000000071 (prio 0, i/o): rtc @0000000000000001
      000000000000007e-000000000000007f (prio 0, i/o): kvmvapic
      00000000000004d0-00000000000004d0 (prio 0, i/o): elcr
      0000000000000510-0000000000000511 (prio 0, i/o): fwcfg
      0000000000000514-000000000000051b (prio 0, i/o): fwcfg.dma
    """#

  /// `qemu-system-aarch64 -M virt,secure=on -cpu cortex-a57 -m 512M`.
  static let secureVirt = #"""
    FlatView #0
     AS "memory", root: system
     AS "cpu-memory-0", root: system
     Root memory region: system
      0000000004000000-0000000007ffffff (prio 0, romd): virt.flash1
      0000000008000000-0000000008000fff (prio 0, i/o): gic_dist
      0000000008010000-0000000008011fff (prio 0, i/o): gic_cpu
      0000000008020000-0000000008020fff (prio 0, i/o): gicv2m
      0000000009000000-0000000009000fff (prio 0, i/o): pl011
      0000000009010000-0000000009010fff (prio 0, i/o): pl031
      0000000009020000-0000000009020007 (prio 0, i/o): fwcfg.data
      0000000009020008-0000000009020009 (prio 0, i/o): fwcfg.ctl
      0000000009020010-0000000009020017 (prio 0, i/o): fwcfg.dma
      0000000009030000-0000000009030fff (prio 0, i/o): pl061
      000000000a000000-000000000a0001ff (prio 0, i/o): virtio-mmio
      0000000010000000-000000003efeffff (prio 0, i/o): gpex_mmio_window @0000000010000000
      000000003eff0000-000000003effffff (prio 0, i/o): gpex_ioport_window
      0000000040000000-000000005fffffff (prio 0, ram): mach-virt.ram
      0000004010000000-000000401fffffff (prio 0, i/o): pcie-mmcfg-mmio

    FlatView #1
     AS "I/O", root: io
     Root memory region: io
      0000000000000000-000000000000ffff (prio 0, i/o): io

    FlatView #2
     AS "cpu-secure-memory-0", root: secure-memory
     Root memory region: secure-memory
      0000000000000000-0000000003ffffff (prio 0, romd): virt.flash0
      0000000004000000-0000000007ffffff (prio 0, romd): virt.flash1
      0000000008000000-0000000008000fff (prio 0, i/o): gic_dist
      0000000008010000-0000000008011fff (prio 0, i/o): gic_cpu
      0000000008020000-0000000008020fff (prio 0, i/o): gicv2m
      0000000009000000-0000000009000fff (prio 0, i/o): pl011
      0000000009010000-0000000009010fff (prio 0, i/o): pl031
      0000000009020000-0000000009020007 (prio 0, i/o): fwcfg.data
      0000000009020008-0000000009020009 (prio 0, i/o): fwcfg.ctl
      0000000009020010-0000000009020017 (prio 0, i/o): fwcfg.dma
      0000000009030000-0000000009030fff (prio 0, i/o): pl061
      000000000a000000-000000000a0001ff (prio 0, i/o): virtio-mmio
      000000000e000000-000000000effffff (prio 0, ram): virt.secure-ram
      0000000010000000-000000003efeffff (prio 0, i/o): gpex_mmio_window @0000000010000000
      000000003eff0000-000000003effffff (prio 0, i/o): gpex_ioport_window
      0000000040000000-000000005fffffff (prio 0, ram): mach-virt.ram
      0000004010000000-000000401fffffff (prio 0, i/o): pcie-mmcfg-mmio

    FlatView #3
     AS "gpex-root", root: bus master container
     Root memory region: (none)
      No rendered FlatView
    """#
}
