// A page opened from a disk must not start a worker: there the search runs in a hidden frame of the page.
if (location.protocol === "file:") {
  window.Worker = class {
    constructor(url) {
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      this.frame.srcdoc = `<script src="${url}"></script>`
      this.started = new Promise((resolve) => {
        this.frame.onload = () => {
          // What the script posts goes to the page that started it, as a worker's messages do.
          this.frame.contentWindow.postMessage = (data) => this.onmessage?.(new MessageEvent("message", { data }))
          resolve(this.frame.contentWindow)
        }
      })
      document.body.append(this.frame)
    }

    postMessage(data) {
      this.started.then((inside) => inside.dispatchEvent(new MessageEvent("message", { data })))
    }

    terminate() {
      this.frame.remove()
    }
  }
}
