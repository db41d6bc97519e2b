# docker build -t gan-lab .                                                             for CPUs
# docker build -t gan-lab:cuda --build-arg TORCH_INDEX=https://pypi.org/simple .         for NVIDIA GPUs; run it with --gpus all
FROM python:3.12-slim-bookworm

# Where torch comes from: PyPI's wheels hold CUDA, these don't and are a tenth as large.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1
# What NVIDIA's container runtime looks for.
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility

WORKDIR /opt/gan_lab
COPY constraints.txt ./
RUN grep -E '^torch(vision)?==' constraints.txt > torch.txt \
    && pip install --no-deps --index-url "$TORCH_INDEX" --requirement torch.txt
COPY . .
RUN pip install --constraint constraints.txt .

# Whoever runs the container decides whose files it writes: docker run --user "$(id -u):$(id -g)". So the home is anyone's.
RUN useradd --uid 1000 --create-home gan && chmod 777 /home/gan && mkdir /work && chown gan /work
# The key that makes runs one's own, and caches, have to outlive the container: /work is mounted.
ENV HOME=/home/gan XDG_CACHE_HOME=/work/.cache
USER gan
WORKDIR /work
ENTRYPOINT ["gan-lab"]
CMD ["--help"]
