import Glibc
import GuestScopeBTF
import GuestScopeBytes

/// Why a file is of no use as a guest's kernel.
public struct KernelImageError: Error, Equatable, Sendable {
  /// What is wrong; the file's readers throw it, and whoever knows the name adds it.
  public enum Reason: Error, Equatable {
    case unreadable(errno: Int32)
    /// A pipe, a device.
    case noFile
    case notAKernel
    /// A FIT image, U-Boot's flattened image tree.
    case fit
    /// U-Boot's legacy image of another type (`IH_TYPE_*`).
    case notAKernelOfUBoot(type: UInt8)
    /// `e_machine` of an ELF file.
    case wrongMachine(UInt16)
    case not64BitLittleEndian
    case outside(String, offset: Int)
    /// The file has `size` bytes of the `needed` ones.
    case truncated(size: Int, needed: Int)
    case unsupportedCompression(String)
    /// The decompressor's words and the byte of the file that it had come to.
    case badStream(String, format: String, offset: Int)
    /// The bytes that came out until it was clear, and those that the file says.
    case wrongSize(Int, stored: Int)
    case tooBig(limit: Int)
    case noSymbols
    case noBTF(BTFAbsence)
    case badBTF(BTFError)
  }

  /// What is known of a kernel in whose file no BTF was found.
  public enum BTFAbsence: Sendable {
    /// The kernel has BTF, but the file was stripped of it, or it is the half of a split vmlinux
    /// that has the debug information (`objcopy --only-keep-debug`).
    case removed
    /// The kernel has all symbols, but none for BTF.
    case neverBuilt
    case unknown
  }

  /// The file's name as the user gave it.
  public let name: String
  public let reason: Reason

  public init(name: String, reason: Reason) {
    self.name = name
    self.reason = reason
  }
}

extension KernelImageError: CustomStringConvertible {
  public var description: String {
    switch reason {
    case .unreadable(let errno):
      "cannot read \(name): \(String(cString: strerror(errno)))"
    case .noFile:
      "\(name) is not a regular file but a pipe or a device: write the kernel to a file first"
    case .notAKernel:
      "\(name) is not a kernel: neither vmlinux (ELF), bzImage, arm64 Image nor a unified kernel "
        + "image (EFI with a .linux section); give the guest's vmlinux or vmlinuz"
    case .fit:
      "\(name) is a device tree or a FIT image of U-Boot, which may hold several kernels; extract "
        + "the guest's (dumpimage -l lists them, dumpimage -T flat_dt -p 0 -o KERNEL writes the "
        + "first part to a file) and give that"
    case .notAKernelOfUBoot(let type):
      "\(name) is a U-Boot image of type \(type), not of a kernel (2); extract the kernel with "
        + "dumpimage and give that"
    case .wrongMachine(let machine):
      "\(name) is for ELF machine \(machine); "
        + "only x86-64 (62) and arm64 (183) kernels are supported"
    case .not64BitLittleEndian:
      "\(name) is not a 64-bit little-endian ELF file; only x86-64 and arm64 kernels are supported"
    case .outside(let what, let offset):
      "\(name): \(what) at byte \(offset.hex) reaches beyond the end of the ELF file: "
        + "it is truncated or damaged; fetch it again"
    case .truncated(let size, let needed):
      "\(name): the file ends at byte \(size) inside the kernel that it holds (\(needed) expected): "
        + "it is truncated; fetch it again"
    case .unsupportedCompression(let format):
      "\(name) is compressed with \(format), which is not supported; give the uncompressed vmlinux"
    case .badStream(let text, let format, let offset):
      "\(name): decompressing \(format) failed near byte \(offset.hex): \(text): "
        + "it is truncated or damaged; fetch it again"
    case .wrongSize(let size, let stored):
      "\(name) decompresses to \(size > stored ? "more than" : "only \(size) of") "
        + "the \(stored) bytes that it says: it is damaged; fetch it again"
    case .tooBig(let limit):
      "\(name) holds more than \(limit >> 20) MiB, which no kernel needs; "
        + "give the guest's vmlinux or vmlinuz"
    case .noSymbols:
      "\(name) has no symbols: neither .symtab nor kallsyms tables; "
        + "give the unstripped vmlinux"
    case .noBTF(.removed):
      "\(name) has no BTF type information in it, although its kernel was built with it: the file "
        + "was stripped of it, or is the debug half of a split vmlinux; give the guest's vmlinuz, "
        + "or the vmlinux that this file was made from"
    case .noBTF(.neverBuilt):
      "\(name) has no BTF type information, and no __start_BTF among its symbols: its kernel was "
        + "built without (CONFIG_DEBUG_INFO_BTF=n), and structure layouts are unknown"
    case .noBTF(.unknown):
      "no BTF type information was found in \(name), so structure layouts are unknown; if the "
        + "guest has /sys/kernel/btf/vmlinux (CONFIG_DEBUG_INFO_BTF=y), give its own vmlinuz"
    case .badBTF(let error):
      "\(name): \(error)"
    }
  }
}
