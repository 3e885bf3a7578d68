import Glibc
import GuestScopeKernelBPF

extension MapSlot {
  var json: JSON {
    switch self {
    case .program(let id, let name): ["prog_id": JSON(id), "name": .string(name)]
    case .map(let id, let name): ["map_id": JSON(id), "name": .string(name)]
    case .event(let type, let config, let cpu):
      [
        "event_type": JSON(named: eventNames.type, type),
        "event_config": eventNames.config.map { .string($0) } ?? .unsigned(config),
        "cpu": .signed(Int64(cpu)),
      ]
    case .cgroup(let id, let path): ["cgroup_id": .unsigned(id), "path": .string(path)]
    case .xdpSocket(let device, let queue):
      [
        "ifindex": device?.json ?? .null, "device": JSON(device?.name), "queue": JSON(queue),
      ]
    case .socket(let socket): socket.json
    case .device(let device, let program):
      ["ifindex": device.json, "device": .string(device.name), "prog_id": JSON(program)]
    case .cpu(let cpu, let program): ["cpu": JSON(cpu), "prog_id": JSON(program)]
    }
  }

  var text: String {
    switch self {
    case .program(let id, let name): "program \(id)" + (name.isEmpty ? "" : " \(name)")
    case .map(let id, let name): "map \(id)" + (name.isEmpty ? "" : " \(name)")
    case .event(let type, let config, let cpu):
      "event \(eventNames.type ?? "of type \(type)") \(eventNames.config ?? config.hex)"
        + (cpu < 0 ? " of a task" : " on CPU \(cpu)")
    case .cgroup(let id, let path): "cgroup \(id) \(path)"
    case .xdpSocket(let device, let queue):
      device.map { "XDP socket on queue \(queue) of \($0.name)" } ?? "XDP socket without a device"
    case .socket(let socket): socket.text
    case .device(let device, let program):
      "device \(device.ifindex) \(device.name)" + Self.text(ofProgram: program)
    case .cpu(let cpu, let program): "CPU \(cpu)" + Self.text(ofProgram: program)
    }
  }

  private static func text(ofProgram id: UInt32?) -> String { id.map { ", program \($0)" } ?? "" }
}

extension MapDevice {
  fileprivate var json: JSON { .signed(Int64(ifindex)) }
}

extension MapSocket {
  fileprivate var json: JSON {
    [
      "family": JSON(family), "protocol": JSON(`protocol`),
      "state": stateName.map { .string($0) } ?? JSON(state), "local": JSON(local?.text),
      "remote": JSON(remote?.text), "cookie": cookie == 0 ? .null : .unsigned(cookie),
    ]
  }

  fileprivate var text: String {
    let kind = Self.protocols[`protocol`] ?? "family \(family) protocol \(`protocol`)"
    let ends = [local?.text, remote?.text].compactMap { $0 }.joined(separator: " to ")
    return "\(kind) socket" + (ends.isEmpty ? "" : " \(ends)")
      + (stateName.map { ", \($0)" } ?? "")
  }

  /// IPPROTO_TCP, IPPROTO_UDP and IPPROTO_SCTP of include/uapi/linux/in.h.
  private static let protocols: [UInt16: String] = [6: "tcp", 17: "udp", 132: "sctp"]

  /// TCP_ESTABLISHED and so on of include/net/tcp_states.h, from 1 on: part of the kernel's ABI.
  private static let states = [
    "established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait", "close",
    "close_wait", "last_ack", "listen", "closing", "new_syn_recv",
  ]

  private var stateName: String? {
    Self.states.indices.contains(Int(state) - 1) ? Self.states[Int(state) - 1] : nil
  }
}

extension MapSocket.End {
  /// `127.0.0.1:80`, `[::1]:80`
  fileprivate var text: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let family = address.count == 4 ? AF_INET : AF_INET6
    guard unsafe inet_ntop(family, address, &buffer, socklen_t(buffer.count)) != nil else {
      return "?:\(port)"
    }
    let text = String(
      decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return family == AF_INET ? "\(text):\(port)" : "[\(text)]:\(port)"
  }
}
