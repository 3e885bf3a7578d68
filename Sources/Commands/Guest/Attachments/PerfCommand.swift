import ArgumentParser
import GuestScopeGuestMemory
import GuestScopeKernelBPF

/// `perf`: programs at events.
struct PerfCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "perf", abstract: "Programs at tracepoints, probes and perf events: list.",
    subcommands: [PerfList.self], defaultSubcommand: PerfList.self)
}

/// `perf list`: which processes hold programs at events, with the keys of `bpftool -j perf show`.
struct PerfList: OrderedCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Which processes hold programs at which events.",
    discussion: """
      Tracepoints, kprobes, uprobes and perf events, by the descriptors that keep programs there. \
      link list has those of links as well, whoever holds them; a program that a process attached \
      without a link is only here.

      All open files of all processes are looked at. Where they are many it takes several stops, \
      between which the guest runs on.
      """, aliases: ["show"])

  @OptionGroup var order: OrderOptions
  @OptionGroup var table: ColumnOptions
  @OptionGroup var output: OutputOptions
  @OptionGroup(visibility: .hidden) var session: SessionOptions

  static let fields: [Field<PerfAttachment>] = [
    Field("pid", .number("PID")) { JSON($0.pid) },
    .onScreen(.name("COMM")) { $0.comm },
    Field("fd", .number("FD").minor) { JSON($0.descriptor) },
    Field("prog_id", .number("PROG")) { JSON($0.programID) },
    Field("fd_type", .type("TYPE")) { .string($0.event.word) },
    .onScreen(.text("EVENT")) { $0.event.text },
  ]

  static var keys: [String] { fields.names() }

  func answer(in session: Session) throws -> Answer {
    let form = try ListForm(order, Self.fields, columns: table.columns)
    let snapshot = try session.ofThisBoot { try session.bpf(of: $0).perfAttachments() }
    let found = snapshot.value
    let isEmpty = found.isEmpty && snapshot.missing.isEmpty
    return form.answer(
      found,
      json: {
        JSON($0, Self.fields).adding(
          $0.event.members + [.init(key: "comm", value: .string($0.comm))])
      }, missing: snapshot.missing,
      remarks: isEmpty ? ["no process of the guest holds a BPF program at an event"] : [])
  }
}

extension PerfAttachment.Event {
  /// bpftool's word for the kind of event.
  fileprivate var word: String {
    switch self {
    case .rawTracepoint: "raw_tracepoint"
    case .tracepoint: "tracepoint"
    case .kprobe(_, _, _, let isReturn): isReturn ? "kretprobe" : "kprobe"
    case .uprobe(_, _, let isReturn): isReturn ? "uretprobe" : "uprobe"
    case .counter: "perf_event"
    }
  }

  fileprivate var members: [JSON.Member] {
    switch self {
    case .rawTracepoint(let name), .tracepoint(let name):
      [.init(key: "tracepoint", value: .string(name))]
    case .kprobe(let function?, let offset, _, _):
      [.init(key: "func", value: .string(function)), .init(key: "offset", value: JSON(offset))]
    case .kprobe(nil, _, let address, _): [.init(key: "addr", value: .unsigned(address))]
    case .uprobe(let file, let offset, _):
      [.init(key: "filename", value: .string(file)), .init(key: "offset", value: JSON(offset))]
    case .counter(let type, let config):
      [
        .init(key: "event_type", value: .string(type)),
        .init(key: "event_config", value: .string(config)),
      ]
    }
  }

  fileprivate var text: String {
    switch self {
    case .rawTracepoint(let name), .tracepoint(let name): name
    case .kprobe(let function?, let offset, _, _):
      offset == 0 ? function : "\(function)+0x\(String(offset, radix: 16))"
    case .kprobe(nil, _, let address, _): "0x" + String(address, radix: 16)
    case .uprobe(let file, let offset, _): "\(file)+0x\(String(offset, radix: 16))"
    case .counter(let type, let config): "\(type) \(config)"
    }
  }
}
