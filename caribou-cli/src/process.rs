//! This process: when it is asked to end.

/// Returns when the user or the system asks the process to end.
pub(crate) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};

        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                () = ctrl_c() => {}
            }
            return;
        }
    }
    ctrl_c().await;
}

async fn ctrl_c() {
    if tokio::signal::ctrl_c().await.is_err() {
        // without signals the process ends by its own work only
        std::future::pending::<()>().await;
    }
}

/// Returns when standard input has closed: the process that started this one is gone.
pub(crate) async fn orphaned() {
    let (gone, wait) = tokio::sync::oneshot::channel::<()>();
    // a thread of its own, since a blocked read would keep the runtime from ending
    std::thread::spawn(move || {
        let read = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop((read, gone));
    });
    let _ = wait.await;
}
