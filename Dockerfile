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
# The key that makes runs one's own has to outlive the container, away from what is worked on: in a volume for ~/.cache.
RUN useradd --uid 1000 --create-home gan && mkdir /home/gan/.cache /work && chmod 777 /home/gan /home/gan/.cache && chown gan /work
ENV HOME=/home/gan
USER gan
WORKDIR /work
ENTRYPOINT ["gan-lab"]
CMD ["--help"]
