import ArgumentParser

/// How to reach the guest. On the command line these stand before or after the command.
struct SessionOptions: ParsableArguments {
  @Option(
    name: [.short, .customLong("connect")],
    help: ArgumentHelp(
      "QEMU's gdbserver: HOST:PORT, :PORT, PORT or unix:PATH; a guest of this host: guest:NAME, "
        + "pid:N; or all of them: all; without it $GUESTSCOPE_CONNECT, or else :1234.",
      valueName: "target"),
    transform: GuestAddress.init(userText:))
  var connect: GuestAddress?

  @Option(
    name: [.short, .customLong("kernel")],
    help: ArgumentHelp(
      "The guest's kernel: vmlinux (ELF), vmlinuz (bzImage, unified kernel image) or Image (arm64); "
        + "without it $GUESTSCOPE_KERNEL, or else the kernel is found in the guest's memory.",
      valueName: "file"),
    completion: .file())
  var kernel: String?

  @Option(
    help: ArgumentHelp(
      "The longest that a running guest may be stopped at a time, as planned.", valueName: "ms"))
  var maxPause = 2.0

  @Option(
    help: ArgumentHelp(
      "Answer for the kernel that this vCPU is in, from 0; else for the one that crashed, where "
        + "another runs, or that most vCPUs are in.",
      valueName: "n"))
  var vcpu: Int?

  @Flag(help: "Stop the guest once, answer everything, then let it go on.")
  var hold = false

  @Flag(help: "The guest was stopped before and stays so (QEMU from 8.1 on does not report it).")
  var leaveStopped = false

  @Flag(
    help: ArgumentHelp(
      "Start no second process that lets the guest go on should this one be killed."))
  var noGuardian = false

  @Flag(
    help: ArgumentHelp(
      "Neither read nor write the cache of kernels and guests (guestscope help cache)."))
  var noCache = false

  @Flag(help: "On stderr: stops, longest and total pause, waves, reads, bytes.")
  var stats = false

  @Flag(help: "Every packet, both ways, on stderr.")
  var trace = false

  @Option(help: ArgumentHelp("Give up on a silent stub after this many seconds.", valueName: "s"))
  var timeout = 5.0

  @Option(
    help: ArgumentHelp(
      "Wait at most this many seconds, or for ever with 0, until something listens and the guest has "
        + "a kernel.",
      valueName: "s"))
  var wait: Double?

  @Option(
    help: ArgumentHelp(
      "Wait until a BPF program of that name is loaded, too; without --wait for 60 seconds.",
      valueName: "glob"))
  var waitFor: String?

  @OptionGroup var batch: BatchOptions

  init() {}

  func validate() throws {
    guard maxPause > 0, maxPause <= 3_600_000 else {
      throw ValidationError("--max-pause takes milliseconds, more than 0 and at most 3600000")
    }
    guard vcpu.map({ $0 >= 0 }) ?? true else {
      throw ValidationError("--vcpu takes a number from 0 on")
    }
    guard timeout > 0, timeout <= 3600 else {
      throw ValidationError("--timeout takes seconds, more than 0 and at most 3600")
    }
    guard wait.map({ (0...1e8).contains($0) }) ?? true else {
      throw ValidationError("--wait takes seconds, 0 for a wait without end")
    }
    guard waitFor != "" else {
      throw ValidationError("--wait-for takes the name of a BPF program, with * and ? for the rest")
    }
  }
}

extension SessionOptions {
  /// True when they say more than how to print: what to connect to, or how to treat the guest.
  var opensSession: Bool {
    connect != nil || kernel != nil || maxPause != 2 || vcpu != nil || hold
      || leaveStopped || noGuardian || noCache || trace || timeout != 5 || wait != nil
      || waitFor != nil
  }
}

/// Where a session's commands come from.
struct BatchOptions: ParsableArguments {
  @Option(
    name: .customShort("e"),
    // A command may begin with an option: -e '-j info'.
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("A command; may be repeated. One session serves all.", valueName: "cmd"))
  var commands: [String] = []

  @Option(
    name: .customShort("f"),
    help: ArgumentHelp(
      "A script, - for standard input: a command a line, # begins a comment.", valueName: "file"),
    completion: .file())
  var file: String?

  var isEmpty: Bool { commands.isEmpty && file == nil }

  func validate() throws {
    if !commands.isEmpty, file != nil { throw ValidationError("give either -e or -f") }
  }
}

/// What a line that fails means for those after it. A group, for so it is the same option before
/// and after `source`.
struct FailureOptions: ParsableArguments {
  @Flag(help: "Continue a batch after a line that fails; end with the worst status.")
  var keepGoing = false
}

/// How to print an answer; the letters are bpftool's.
struct OutputOptions: ParsableArguments {
  @Flag(name: .shortAndLong, help: "JSON on one line.")
  var json = false

  @Flag(name: .shortAndLong, help: "JSON, indented.")
  var pretty = false

  @Flag(help: "Tables with all columns, also where a terminal has no room for them.")
  var wide = false

  init() {}
}
