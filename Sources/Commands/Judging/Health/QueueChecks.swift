import GuestScopeBytes
import GuestScopeKernelScheduler

extension Health {
  /// The queues of tasks that were there in all samples, each as it was in each of them.
  ///
  /// - Returns: nil where no scheduler is loaded.
  /// - Throws: for fewer than three samples, which show no trend.
  fileprivate func queues() throws -> [[ScxDispatchQueue]]? {
    guard let all = try schedulers() else { return nil }
    guard all.count >= 3 else {
      throw CommandError("fewer than three samples show no trend: --samples 3 takes enough")
    }
    return all[0].dump.queues.compactMap { queue in
      let same = all.compactMap { both in both.dump.queues.first { $0.isSame(as: queue) } }
      return same.count == all.count ? same : nil
    }
  }
}

extension ScxDispatchQueue {
  fileprivate func isSame(as other: Self) -> Bool { address == other.address && id == other.id }

  fileprivate var name: String {
    nameInScheduler + (subScheduler.map { " of the scheduler of \($0)" } ?? "")
  }

  private var nameInScheduler: String {
    switch place {
    case .local(let cpu): "local queue of CPU \(cpu)"
    case .bypass(let cpu): "bypass queue of CPU \(cpu)"
    case .reject(let cpu): "reject queue of CPU \(cpu)"
    case .rescue(let cpu): "rescue queue of CPU \(cpu)"
    case .global(let node): "global queue of node \(node)"
    case .user: "queue 0x\(String(id, radix: 16))"
    }
  }
}

extension HealthCheck {
  static let queueStuck = HealthCheck(
    name: "dsq-stuck", about: "tasks in a dispatch queue do not move"
  ) { health, _ in
    guard let queues = try health.queues() else { return Finding.kept(health.noScheduler) }
    return queues.filter { samples in
      let first = samples[0]
      return samples.allSatisfy {
        $0.count > 0 && $0.count == first.count && $0.sequence == first.sequence
          && $0.tasks.first?.pid == first.tasks.first?.pid
      }
    }.map { samples in
      let task = samples[0].tasks.first.map { ", \($0.comm) (pid \($0.pid)) first" } ?? ""
      return .broken(
        samples[0].name, .unsigned(UInt64(samples[0].count)),
        "the same tasks for \(fixed(health.seconds, 1)) s" + task)
    }.orKept("checked " + counted(queues.count, "queue"))
  }

  static let queueGrows = HealthCheck(
    name: "dsq-grows", about: "a dispatch queue only grows"
  ) { health, _ in
    guard let queues = try health.queues() else { return Finding.kept(health.noScheduler) }
    return queues.filter { samples in
      zip(samples, samples.dropFirst()).allSatisfy { $0.count < $1.count }
    }.map { samples in
      .broken(
        samples[0].name, .unsigned(UInt64(samples[samples.count - 1].count)),
        "it grew in each sample for \(fixed(health.seconds, 1)) s, from \(samples[0].count) tasks on"
      )
    }.orKept("checked " + counted(queues.count, "queue"))
  }
}
