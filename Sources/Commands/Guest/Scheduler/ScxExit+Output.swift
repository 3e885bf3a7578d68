import GuestScopeKernelLog
import GuestScopeKernelScheduler

extension ScxExit.Source {
  /// The word for it in JSON.
  var word: String {
    switch self {
    case .exitInfo: "exit_info"
    case .structOpsMap: "struct_ops_map"
    case .variable: "variable"
    case .kernelLog: "kernel_log"
    }
  }

  var text: String {
    switch self {
    case .exitInfo: "the kernel's exit_info"
    case .structOpsMap(let id, let name): "the kernel's exit_info, held by map \(id) (\(name))"
    case .variable(let name, let map): "the scheduler's variable \(name) in map \(map)"
    case .kernelLog: "the kernel's log"
    }
  }

  fileprivate var mapID: UInt64? {
    switch self {
    case .structOpsMap(let id, _), .variable(_, let id): id
    case .exitInfo, .kernelLog: nil
    }
  }
}

extension ScxExit {
  func json(_ names: SymbolNames) -> JSON {
    [
      "source": .string(source.word), "map_id": JSON(source.mapID), "ops": JSON(name),
      "kind": JSON(kindName), "kind_number": JSON(kind),
      "exit_code": code.map { .signed($0) } ?? .null,
      "flags": flagNames.map { .array($0.map { .string($0) }) } ?? .null,
      "exit_cpu": cpu.map { JSON(Int($0)) } ?? .null, "reason": .string(reason),
      "msg": .string(message), "time_ns": JSON(time),
      "backtrace": .array(
        backtrace.map { ["address": .string($0.hex), "symbol": JSON(names.text($0))] }
          + loggedBacktrace.map { ["address": .null, "symbol": .string($0)] }),
      "dump": JSON(dump),
    ]
  }

  /// One line of why: `runnable task stall (gs[12] failed to run for 3.1s)`.
  var summary: String { message.isEmpty ? reason : "\(reason) (\(message))" }

  func lines(_ names: SymbolNames) -> [String] {
    var lines = ["scheduler: \(name ?? "-")", "source:    \(source.text)"]
    if let kind { lines.append("kind:      \(kindName ?? "-") (\(kind))") }
    if let code { lines.append("exit_code: \(code)") }
    if let flagNames, !flagNames.isEmpty {
      lines.append("flags:     \(flagNames.joined(separator: " "))")
    }
    if let cpu { lines.append("exit_cpu:  \(cpu)") }
    lines += ["reason:    \(reason)", "message:   \(message.isEmpty ? "-" : message)"]
    if let time { lines.append("logged at: \(time.logSeconds) s") }
    let frames = backtrace.map { names.text($0) ?? $0.hex } + loggedBacktrace
    if !frames.isEmpty { lines += ["backtrace:"] + frames.map { "  " + $0 } }
    if let dump {
      lines += ["dump:"]
      lines += dump.split(separator: "\n", omittingEmptySubsequences: false).map { "  " + $0 }
    }
    return lines
  }
}
