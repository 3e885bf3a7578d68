/// What the command line of a QEMU says of its guest (qemu-options.hx).
struct QEMUCommandLine {
  /// Of `-name`.
  private(set) var name: String?
  /// Of `-kernel`.
  private(set) var kernel: String?
  /// Where gdbservers listen that the command line opens.
  private(set) var gdbservers: [StubTarget] = []
  /// A gdbserver listens on a port that the kernel picked: `-gdb tcp::0`.
  private(set) var hasAnyPort = false
  /// The paths of QMP sockets.
  private(set) var qmpSockets: [String] = []
  /// People can type into its monitor.
  private(set) var hasMonitor = false
  /// libvirt has started it.
  private(set) var isOfLibvirt = false
  /// All options with their values, but for those on gdbservers.
  private var others: [String] = []

  /// - Parameter arguments: those of the process, with the program's name or without.
  init(arguments: [String]) {
    let pairs = Self.pairs(arguments)
    var devices = CharacterDevices()
    for (option, value) in pairs where option == "chardev" { devices.add(value) }
    let gdbDevices = Set(pairs.filter { $0.option == "gdb" }.map(\.value))
    let ofGDB = pairs.map(\.value).filter {
      gdbDevices.contains("chardev:" + (QEMUOptions($0)["id"] ?? ""))
    }
    for (option, value) in pairs {
      switch option {
      case "name": name = QEMUOptions(value)["guest"] ?? QEMUOptions(value).first
      case "kernel": kernel = value
      case "s": gdbservers.append(.qemuDefault)
      case "gdb": add(gdbserver: devices.device(of: value))
      case "qmp", "qmp-pretty": add(qmp: devices.device(of: value))
      case "monitor": hasMonitor = hasMonitor || value != "none"
      case "mon":
        let options = QEMUOptions(value)
        let id = options["chardev"] ?? options.first
        if options["mode"] == "control" {
          add(qmp: devices.device(of: "chardev:" + id))
        } else {
          hasMonitor = true
        }
      default: break
      }
      // Of a device that serves gdb, nothing: its port is what is looked for.
      if option != "gdb", option != "chardev" || !ofGDB.contains(value) {
        others.append(option + " " + value)
      }
    }
    isOfLibvirt = arguments.contains { $0.contains("/libvirt/") }
  }

  private mutating func add(gdbserver device: CharacterDevice?) {
    switch device {
    case .socket(let target): gdbservers.append(target)
    case .anyPort: hasAnyPort = true
    case nil: break
    }
  }

  private mutating func add(qmp device: CharacterDevice?) {
    if case .socket(.unix(let path)) = device { qmpSockets.append(path) }
  }

  /// True when something but a gdbserver may listen on this port: another device, VNC, a port that
  /// is forwarded into the guest.
  func explains(port: UInt16) -> Bool {
    others.contains { word in
      word.split { !("0"..."9").contains($0) }.contains { digits in
        guard let number = UInt16(digits) else { return false }
        return number == port || (word.contains("vnc") && number &+ 5900 == port)
      }
    }
  }

  /// Each option without its dashes, one or two, and the word after it, empty where the next word
  /// is an option as well.
  private static func pairs(_ arguments: [String]) -> [(option: String, value: String)] {
    arguments.indices.compactMap { index in
      guard let name = optionName(arguments[index]) else { return nil }
      let next = index + 1 < arguments.count ? arguments[index + 1] : ""
      return (name, optionName(next) == nil ? next : "")
    }
  }

  private static func optionName(_ word: String) -> String? {
    guard word.count > 1, word.hasPrefix("-") else { return nil }
    return String(word.hasPrefix("--") ? word.dropFirst(2) : word.dropFirst())
  }
}
