import GuestScopeBTF
import GuestScopeBytes
import GuestScopeRemoteProtocol
import TestSupport

@testable import GuestScopeKernelImage

/// Inputs to begin with, made by hand.
func inputs(of target: String) -> [[UInt8]] {
  switch target {
  case "packets":
    return [
      "\u{0}$T02thread:01;#04$T02thread:01;#04+$#00", "\u{0}+$#00",
      "\u{1}+$E22#a9+$O564d207374617475733a207061757365640d0a#c5$OK#9a+$OK#9a+$OK#9a",
      "\u{2}+$PacketSize=1000;qXfer:features:read+#1f+$0#30+$l<target/>#40",
      "\u{4}+$OK#9a+$00000000000000000000000000000000#00+$0000000000000000#00+$OK#9a+",
    ].map { Array($0.utf8) }
  case "target-xml":
    return [
      Array(
        """
        <?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd"><target>\
        <architecture>i386:x86-64</architecture><xi:include href="core.xml"/></target>\u{0}\
        <feature name="core"><!--reg name="no"/--><reg name="rax" bitsize="64" regnum="0"/>\
        <reg name="cr3" bitsize="64"/></feature>
        """.utf8)
    ]
  case "monitor":
    return [
      "VM status: paused (guest-panicked)\r\n", "7.2.22Debian 1:7.2+dfsg-7\r\n",
      "* CPU #0: thread_id=4613\r\n  CPU #1: thread_id=4614\r\n",
      "memory backend: pc.ram\r\n  size:  1073741824\r\n",
      """
      FlatView #0\r\n AS "memory", root: system\r\n Root memory region: system\r
        0000000000000000-00000000000bffff (prio 0, ram): pc.ram KVM\r
        00000000000c0000-00000000000dffff (prio 0, rom): pc.ram @00000000000c0000\r\n
      """,
    ].map { Array($0.utf8) }
  case "btf":
    var small = BTFBuilder()
    small.int("int", size: 4)
    small.composite(.struct, "s", size: 16, [("a", 1, 0), ("b", 3, 64)])
    small.add(.ptr, "", 2)
    small.add(.array, "", 0, [1, 1, 3])
    small.add(.typedef, "t", 4)
    return [small.blob] + KernelTypes.Version.allCases.map { KernelTypes.kernel($0).blob }
  case "kallsyms":
    return KallsymsBuilder.Layout.allCases.map {
      let builder = KallsymsBuilder(layout: $0, symbols: KallsymsBuilder.sampleSymbols)
      return builder.bytes(at: 0xffff_ffff_8200_0000)
    }
  case "elf", "image": return [sampleKernel, uImage(sampleKernel), peFile(".linux", sampleKernel)]
  default: return []
  }
}

/// A kernel of a few bytes, with all that `KernelFacts` looks for.
let sampleKernel: [UInt8] = {
  let base: UInt64 = 0xffff_ffff_8100_0000
  let banner = Array("Linux version 6.1.0-sample (builder) #1 SMP\n\0".utf8)
  let note: [UInt8] = [4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0] + Array("GNU\0".utf8) + Array(1...20)
  var types = BTFBuilder()
  types.int("int", size: 4)
  var elf = ELFBuilder(sections: [
    ELFBuilder.Section(name: ".text", address: base, contents: [UInt8](repeating: 0xcc, count: 64)),
    ELFBuilder.Section(name: ".rodata", address: base + 0x1000, contents: banner),
    ELFBuilder.Section(name: ".notes", type: 7, address: base + 0x2000, contents: note),
    ELFBuilder.Section(name: ".BTF", address: base + 0x3000, contents: types.blob),
  ])
  elf.addSymbols([
    ("_text", 0x10, 1, base), ("linux_banner", 0x10, 2, base + 0x1000),
    ("init_task", 0x10, 1, base + 0x20),
  ])
  return elf.bytes
}()
