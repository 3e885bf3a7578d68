import Foundation
import TestSupport

/// A guest that begins to boot when this is made, and ends with it.
final class BootingGuest {
  private let process: ChildProcess
  private let folder: URL

  /// - Parameters:
  ///   - name: of a guest that scripts/guest-image has made.
  ///   - append: more of its kernel's command line.
  ///   - program: the QEMU for an x86-64 guest.
  ///   - hasModules: it loads the modules that scripts/guest-image packs.
  ///   - arguments: more of QEMU's.
  init(
    _ name: String, append: String = "", program: QEMUProgram = .installed,
    hasModules: Bool = false, arguments: [String] = []
  ) throws {
    folder = URL(fileURLWithPath: "/tmp/gs-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let guests = ProcessInfo.processInfo.environment["GUESTSCOPE_GUESTS"] ?? "/nonexistent"
    let isX86 = name.hasPrefix("x86")
    let machine =
      isX86
      ? [program.path, "-M", "q35", "-cpu", "qemu64,-cx16"]
      : ["/usr/bin/qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57"]
    let path = folder.path
    var initrd = "\(guests)/\(isX86 ? "x86" : "arm64").initrd"
    if hasModules {
      let files = [initrd, "\(guests)/\(name)/modules.initrd"]
      let whole = try files.map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
      initrd = path + "/initrd"
      try Data(whole.joined()).write(to: URL(fileURLWithPath: initrd))
    }
    process = try ChildProcess(
      machine[0],
      machine[1...] + [
        "-accel", "tcg,thread=multi", "-smp", "2", "-m", "1G", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-kernel", "\(guests)/\(name)/vmlinuz",
        "-initrd", initrd,
        "-append", "console=\(isX86 ? "ttyS0" : "ttyAMA0") panic=-1 \(append)",
        "-serial", "file:\(path)/console.log", "-gdb", "unix:\(path)/gdb.sock,server=on,wait=off",
        "-qmp", "unix:\(path)/qmp.sock,server=on,wait=off",
      ] + arguments)
    for _ in 0..<600 where !FileManager.default.fileExists(atPath: "\(path)/gdb.sock") {
      usleep(100_000)
    }
  }

  deinit {
    kill(process.identifier, SIGTERM)
    _ = process.wait()
    try? FileManager.default.removeItem(at: folder)
  }

  var qmp: QMP { get throws { try QMP(folder.appendingPathComponent("qmp.sock").path) } }
  var target: String { "unix:\(folder.path)/gdb.sock" }
  /// QEMU is gone.
  var hasEnded: Bool { !process.isRunning }
  var isReady: Bool { readyCount > 0 }
  /// The boots that have come to their end.
  var readyCount: Int { console.components(separatedBy: "GUESTSCOPE-READY").count - 1 }

  struct Failure: Error { var text: String }

  /// Waits until it has booted so often.
  func waitUntilReady(boots: Int = 1) throws { try wait(for: "GUESTSCOPE-READY", times: boots) }

  /// Waits until its console shows a text so often, ten minutes at most.
  func wait(for text: String, times: Int = 1) throws {
    let isThere = try eventually(seconds: 600) {
      if console.components(separatedBy: text).count > times { return true }
      try requireLife()
      return false
    }
    guard isThere else {
      throw Failure(text: "no \(text) after ten minutes: \(console.suffix(500))")
    }
  }

  /// - Throws: when its QEMU has ended, or its loader.
  func requireLife() throws {
    guard !hasEnded, !console.contains("GUESTSCOPE-FAILED") else {
      throw Failure(text: "the guest has ended: \(console.suffix(1000))")
    }
  }

  var console: String {
    let log = try? Data(contentsOf: folder.appendingPathComponent("console.log"))
    return String(decoding: log ?? Data(), as: UTF8.self)
  }
}
