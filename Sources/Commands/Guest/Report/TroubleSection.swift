import GuestScopeKernelLog

/// Why a guest died, as far as its kernel has said so: for the top of `report` and `info`.
struct TroubleSection {
  var troubles: [Trouble]
  var taint: Taint?

  var panic: String? { troubles.first { $0.kind == .panic }?.text }

  var json: [JSON.Member] {
    [
      .init(key: "panic", value: JSON(panic)),
      .init(key: "tainted", value: JSON(taint?.rawValue)),
      .init(key: "taint_flags", value: JSON(taint?.letters)),
      .init(
        key: "troubles",
        value: .array(
          troubles.map { trouble in
            [
              "kind": .string(trouble.kind.rawValue), "text": .string(trouble.text),
              "time_ns": .unsigned(trouble.time), "at": JSON(trouble.location),
              "count": JSON(trouble.count),
            ]
          })),
    ]
  }

  /// A line a trouble, as `HEADING: what the kernel said`.
  var lines: [(heading: String, text: String)] {
    var lines = troubles.map { trouble in
      let heading = trouble.kind.heading
      // The kernel's own heading may be the same.
      let text =
        trouble.text.lowercased().hasPrefix("\(heading.lowercased()): ")
        ? String(trouble.text.dropFirst(heading.count + 2)) : trouble.text
      return (
        heading,
        text + (trouble.location.map { ", at \($0)" } ?? "")
          + " (\(trouble.time.logSeconds) s"
          + (trouble.count > 1 ? ", the first of \(trouble.count)" : "")
          + ")"
      )
    }
    if let taint, !taint.isEmpty {
      lines.append(("tainted", "\(taint.letters) (\(taint.rawValue))"))
    }
    return lines
  }
}

extension Trouble.Kind {
  fileprivate var heading: String {
    switch self {
    case .panic: "panic"
    case .oops: "oops"
    case .lockup: "lockup"
    case .stall: "RCU stall"
    case .hungTask: "hung task"
    case .outOfMemory: "out of memory"
    case .scheduler: "sched_ext"
    case .warning: "warning"
    }
  }
}
